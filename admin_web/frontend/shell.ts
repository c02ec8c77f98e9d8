// Entry of every page: styles, htmx and the shell's behaviour. Rich parts are loaded when a page has them.
import "@tabler/core/dist/css/tabler.min.css";
import "./shell.css";
import "./htmx-setup";
import "./idle";
import "./menus";
import "./session";
import "./theme";
import "./toasts";
import { onContent } from "./content";
import { openDrawer } from "./drawer";

onContent((root) => {
  for (const dialog of root.querySelectorAll<HTMLDialogElement>("dialog.zj-drawer:not([open])")) openDrawer(dialog);
});

onContent(async (root) => {
  if (root.querySelector("[data-date], select[data-search]")) (await import("./widgets")).mountWidgets(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-batch], [data-more], [data-tree], [data-needs]")) (await import("./list")).mountLists(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-levels]")) (await import("./levels")).mountLevels(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-treegrid]")) (await import("./treegrid")).mountTreegrids(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-player]")) (await import("./player")).mountPlayers(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-sound], [data-voice-upload], [data-voice-record], [data-voice-text], [data-voice-try]")) (await import("./voices")).mountVoices(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-chart]")) (await import("./chart")).mountCharts(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-call-follow]")) (await import("./follow")).mountFollow(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-platform-live]")) (await import("./platform-live")).mountPlatformLive(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-copy]")) (await import("./copy")).mountCopyButtons(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-password-rule]")) (await import("./strength")).mountPasswordRules(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-flow-editor]")) (await import("./flow")).mountFlowEditors(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-supervision]")) (await import("./supervision")).mountSupervision(root);
});
