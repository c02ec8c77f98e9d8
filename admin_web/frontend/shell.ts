// Entry of every page: styles, htmx and the shell's behaviour. Rich parts are loaded when a page has them.
import "@tabler/core/dist/css/tabler.min.css";
import "./shell.css";
import "./htmx-setup";
import "./menus";
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
  if (root.querySelector("[data-player]")) (await import("./player")).mountPlayers(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-call-follow]")) (await import("./follow")).mountFollow(root);
});

onContent(async (root) => {
  if (root.querySelector("[data-flow-editor]")) (await import("./flow")).mountFlowEditors(root);
});
