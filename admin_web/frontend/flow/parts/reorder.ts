// Lists whose order matters: dragged by a handle, or moved with Alt+Up and Alt+Down.
import { nextTick, ref } from "vue";

/** `list` with the item at `from` at `to`. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const copy = [...list];
  if (from < 0 || from >= copy.length || to < 0 || to >= copy.length) return copy;
  copy.splice(to, 0, ...copy.splice(from, 1));
  return copy;
}

/** Handlers for the rows of one list. `move` puts the item at `from` at `to`. */
export function useReorder(move: (from: number, to: number) => void, length: () => number) {
  const dragged = ref(-1);
  const over = ref(-1);

  function start(event: DragEvent, index: number): void {
    dragged.value = index;
    event.dataTransfer?.setData("text/x-zj-row", String(index));
    if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
    const row = (event.target as HTMLElement).closest("[data-row]");
    if (row) event.dataTransfer?.setDragImage(row, 12, 12);
  }

  function hover(event: DragEvent, index: number): void {
    if (dragged.value < 0) return;
    event.preventDefault();
    over.value = index;
  }

  function drop(event: DragEvent, index: number): void {
    if (dragged.value < 0) return;
    event.preventDefault();
    if (dragged.value !== index) move(dragged.value, index);
    end();
  }

  function end(): void {
    dragged.value = -1;
    over.value = -1;
  }

  /** Alt+Up and Alt+Down anywhere in a row; the focus goes along. */
  function key(event: KeyboardEvent, index: number): void {
    const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
    if (!event.altKey || !by || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const to = index + by;
    if (to < 0 || to >= length()) return;
    const row = (event.currentTarget as HTMLElement | null)?.closest<HTMLElement>("[data-row]");
    const holder = row?.parentElement;
    const at = row ? focusables(row).indexOf(document.activeElement as HTMLElement) : -1;
    move(index, to);
    void nextTick(() => {
      const rows = [...(holder?.querySelectorAll<HTMLElement>(":scope > [data-row]") ?? [])];
      const target = rows[to];
      if (target) (focusables(target)[Math.max(at, 0)] ?? target).focus();
    });
  }

  return { dragged, over, start, hover, drop, end, key };
}

function focusables(row: HTMLElement): HTMLElement[] {
  return [...row.querySelectorAll<HTMLElement>("input, select, textarea, button")];
}
