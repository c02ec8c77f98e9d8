// The session's end for want of activity: said a minute before, with a button that keeps it. Requests of people count as
// activity at the server; asking how long is left does not. When it ended, the sign-in page says so (`session.ts`).
// A part of a page marked `data-wallboard` is there to be looked at: while it is visible the session stays.
import { word } from "./content";

const AGAIN_S = 5;
const UNREACHABLE_S = 15;
const WALLBOARD_S = 60;

interface Left {
  left_s: number;
  /** How long before the end to warn. */
  warn_s: number;
}

let timer: ReturnType<typeof setTimeout> | undefined;
let ticking: ReturnType<typeof setInterval> | undefined;
let dialog: HTMLDialogElement | undefined;

function later(seconds: number): void {
  clearTimeout(timer);
  timer = setTimeout(() => void look(), Math.max(1, seconds) * 1000);
}

/** Asks the server, then warns, or looks again when it is time to. */
async function look(): Promise<void> {
  const answer = await fetch("/live/session", { headers: { Accept: "application/json" } }).catch(() => null);
  if (answer && (answer.status === 401 || answer.status === 403)) {
    const { error } = (await answer.json()) as { error: string };
    document.dispatchEvent(new CustomEvent("zj:session-over", { detail: { why: error } }));
    return;
  }
  if (!answer?.ok) {
    later(UNREACHABLE_S);
    return;
  }
  const { left_s, warn_s } = (await answer.json()) as Left;
  if (left_s > warn_s) {
    close();
    later(left_s - warn_s);
  } else {
    warn(left_s);
    later(Math.min(AGAIN_S, left_s + 0.5)); // another window may have been used meanwhile
  }
}

function warn(left_s: number): void {
  const end = Date.now() + left_s * 1000;
  if (!dialog) {
    dialog = build();
    document.body.append(dialog);
    dialog.showModal();
  }
  const count = dialog.querySelector(".zj-idle-count") as HTMLElement;
  const show = (): void => {
    count.textContent = String(Math.max(0, Math.round((end - Date.now()) / 1000)));
  };
  clearInterval(ticking);
  ticking = setInterval(show, 1000);
  show();
}

function build(): HTMLDialogElement {
  const made = document.createElement("dialog");
  made.className = "zj-idle";
  made.setAttribute("role", "alertdialog");
  made.setAttribute("aria-labelledby", "zj-idle-title");
  made.setAttribute("aria-describedby", "zj-idle-text");
  const title = document.createElement("h2");
  title.id = "zj-idle-title";
  title.textContent = word("idle-title");
  const text = document.createElement("p");
  text.id = "zj-idle-text";
  text.textContent = word("idle-text");
  const count = document.createElement("div");
  count.className = "zj-idle-count";
  count.setAttribute("aria-hidden", "true"); // read out each second it would be in the way
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-primary";
  button.textContent = word("idle-stay");
  button.addEventListener("click", () => void stay());
  made.append(title, text, count, button);
  made.addEventListener("cancel", (event) => {
    event.preventDefault(); // Escape is activity too
    void stay();
  });
  return made;
}

function close(): void {
  clearInterval(ticking);
  dialog?.close();
  dialog?.remove();
  dialog = undefined;
}

/** Counts as activity, closes the warning and looks again. */
async function stay(): Promise<void> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  await fetch("/session/stay", { method: "POST", headers }).catch(() => null);
  await look();
}

if (document.body.hasAttribute("data-idle")) {
  later(1);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) later(0); // timers of a hidden page or a sleeping machine come late
  });
  setInterval(() => {
    if (!document.hidden && document.querySelector("[data-wallboard]")) void stay();
  }, WALLBOARD_S * 1000);
}
