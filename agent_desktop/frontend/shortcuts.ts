// Keys for call actions: Alt and a letter, by the key's place on the board, so that they work on every layout and with
// a Chinese input method. Off in fields one types into.
import type { TextKey } from "./i18n";

export type ShortcutAction = "answer" | "hangup" | "hold" | "mute" | "keypad" | "transfer" | "conference" | "ready" | "not_ready" | "break";

export const SHORTCUTS: readonly { action: ShortcutAction; code: string; label: string; text: TextKey }[] = [
  { action: "answer", code: "KeyA", label: "Alt+A", text: "call.answer" },
  { action: "hangup", code: "KeyX", label: "Alt+X", text: "call.hang_up" },
  { action: "hold", code: "KeyH", label: "Alt+H", text: "call.hold" },
  { action: "mute", code: "KeyM", label: "Alt+M", text: "call.mute" },
  { action: "keypad", code: "KeyK", label: "Alt+K", text: "call.keypad" },
  { action: "transfer", code: "KeyT", label: "Alt+T", text: "transfer.title" },
  { action: "conference", code: "KeyJ", label: "Alt+J", text: "consult.conference" },
  { action: "ready", code: "KeyR", label: "Alt+R", text: "state.ready" },
  { action: "not_ready", code: "KeyN", label: "Alt+N", text: "state.not_ready" },
  { action: "break", code: "KeyB", label: "Alt+B", text: "state.break" },
];

/** Whether keys belong to what the person types into. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT") return true;
  return target instanceof HTMLInputElement && !["button", "checkbox", "radio", "submit", "reset"].includes(target.type);
}

/** Call `run` for each shortcut pressed outside text fields. */
export function listenForShortcuts(run: (action: ShortcutAction) => void): void {
  document.addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.repeat || isTyping(event.target)) return;
    const shortcut = SHORTCUTS.find((each) => each.code === event.code);
    if (!shortcut) return;
    event.preventDefault();
    run(shortcut.action);
  });
}

/** The shortcut's keys for a tooltip, such as "Hold (Alt+H)". */
export function withKeys(text: string, action: ShortcutAction): string {
  return `${text} (${SHORTCUTS.find((each) => each.action === action)?.label ?? ""})`;
}
