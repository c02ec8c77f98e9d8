// The editor's shortcuts; those of the agent's desk (Alt and A, B, H, K, M, N, R, X) stay free. Letters go by the key's place on the board where a modifier is held, so that they work on
// every layout and with a Chinese input method.

export interface KeyActions {
  save(): void;
  undo(): void;
  redo(): void;
  view(index: number): void;
  add(): void;
  problem(): void;
  part(back: boolean): void;
  help(): void;
  all(): void;
  duplicate(): void;
  /** Whether a key is for nodes rather than for a text that is being typed. */
  meansNodes(): boolean;
  /** Whether the keyboard is in the editor at all. */
  isHere(): boolean;
}

type Row = [code: string, modifiers: string, run: (actions: KeyActions) => void, onNodes?: boolean];

const ROWS: readonly Row[] = [
  ["KeyS", "ctrl", (does) => does.save()],
  ["KeyZ", "ctrl", (does) => does.undo()],
  ["KeyZ", "ctrl+shift", (does) => does.redo()],
  ["KeyY", "ctrl", (does) => does.redo()],
  ["Digit1", "alt", (does) => does.view(0)],
  ["Digit2", "alt", (does) => does.view(1)],
  ["Digit3", "alt", (does) => does.view(2)],
  ["KeyI", "alt", (does) => does.add()],
  ["KeyP", "alt", (does) => does.problem()],
  ["F6", "", (does) => does.part(false)],
  ["F6", "shift", (does) => does.part(true)],
  ["KeyA", "ctrl", (does) => does.all(), true],
  ["KeyD", "ctrl", (does) => does.duplicate(), true],
];

/** The modifiers held with a key, as the table writes them. The command key counts as Ctrl. */
export function modifiersOf(event: Pick<KeyboardEvent, "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string {
  const held = [event.ctrlKey || event.metaKey ? "ctrl" : "", event.altKey ? "alt" : "", event.shiftKey ? "shift" : ""];
  return held.filter(Boolean).join("+");
}

/** A listener for `keydown` that runs what the key stands for. */
export function onKeys(actions: KeyActions): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.defaultPrevented || event.isComposing || !actions.isHere()) return;
    const held = modifiersOf(event);
    const row = ROWS.find(([code, modifiers]) => code === event.code && modifiers === held);
    if (row && (!row[3] || actions.meansNodes())) {
      event.preventDefault();
      row[2](actions);
    } else if (event.key === "?" && actions.meansNodes()) {
      event.preventDefault();
      actions.help();
    }
  };
}
