// htmx as the shell uses it: CSRF on every change, history from the server, errors that say what happened.
import htmx from "htmx.org";
import { Idiomorph } from "idiomorph/dist/idiomorph.esm.js";
import { word } from "./content";
import { toast } from "./toasts";

htmx.config.includeIndicatorStyles = false;
htmx.config.allowEval = false;
htmx.config.allowScriptTags = false;
htmx.config.historyCacheSize = 0;
htmx.config.historyRestoreAsHxRequest = false;
htmx.config.scrollIntoViewOnBoost = false;
htmx.config.globalViewTransitions = false;
// Every error answer is made for its place: a fragment with a target of its own.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "...", swap: true, error: true },
];

// hx-swap="morph": an element is brought up to date in place, so that focus and scrolling stay where they are.
htmx.defineExtension("morph", {
  isInlineSwap: (style: string) => style === "morph",
  handleSwap: (style: string, target: Element, fragment: DocumentFragment) => {
    const fresh = fragment.firstElementChild;
    if (style !== "morph" || !fresh) return false;
    // Only what somebody types into is left as it is: a focused button may mean something else now.
    const typing = document.activeElement?.matches("input, textarea, select") ?? false;
    return Idiomorph.morph(target, fresh, { morphStyle: "outerHTML", ignoreActiveValue: typing }) ?? [];
  },
} as unknown as Parameters<typeof htmx.defineExtension>[1]);

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content;
  if (token) (event as CustomEvent).detail.headers["X-CSRFToken"] = token;
});

document.addEventListener("htmx:sendError", () => toast(word("offline"), "danger"));
document.addEventListener("htmx:timeout", () => toast(word("offline"), "danger"));

// A page swapped in is a page entered: its heading takes the focus, so that a screen reader says where one is.
document.addEventListener("htmx:afterSettle", (event) => {
  const target = (event as CustomEvent).detail.target as HTMLElement | null;
  if (target?.id !== "zj-main") return;
  const heading = target.querySelector<HTMLElement>("h1");
  if (heading && !target.contains(document.activeElement)) heading.focus({ preventScroll: true });
  if (!target.querySelector("[data-keep-scroll]")) target.scrollTo({ top: 0 });
});

// A message of the server after a change: HX-Trigger {"zj:toast": {"text": …, "kind": …}}
document.addEventListener("zj:toast", (event) => {
  const { text, kind } = (event as CustomEvent).detail as { text: string; kind?: string };
  toast(text, kind ?? "success");
});
