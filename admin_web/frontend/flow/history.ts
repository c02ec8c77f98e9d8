// Undo and redo: documents are never changed in place, so a step is the document before it. Pure.

const LIMIT = 200;
const MERGE_MS = 1200;

interface Step<T> {
  value: T;
  label: string;
}

/** What was, what is, what was undone. */
export class History<T> {
  private past: Step<T>[] = [];
  private future: Step<T>[] = [];
  private mergeKey = "";
  private mergedAt = 0;

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  /** What Undo takes back; empty when there is nothing. */
  get undoLabel(): string {
    return this.past.at(-1)?.label ?? "";
  }

  get redoLabel(): string {
    return this.future.at(-1)?.label ?? "";
  }

  /**
   * Go on to `value`. Changes with the same non-empty `merge` that follow each other within 1.2 seconds (typing in one
   * field, a node pushed by keys) are one step. Returns whether anything changed.
   */
  push(value: T, label: string, now_ms: number, merge = ""): boolean {
    if (value === this.current) return false;
    const merges = merge !== "" && merge === this.mergeKey && now_ms - this.mergedAt < MERGE_MS;
    if (!merges) this.past.push({ value: this.current, label });
    if (this.past.length > LIMIT) this.past.shift();
    this.mergeKey = merge;
    this.mergedAt = now_ms;
    this.current = value;
    this.future = [];
    return true;
  }

  undo(): boolean {
    return this.step(this.past, this.future);
  }

  redo(): boolean {
    return this.step(this.future, this.past);
  }

  private step(from: Step<T>[], to: Step<T>[]): boolean {
    const step = from.pop();
    if (!step) return false;
    to.push({ value: this.current, label: step.label });
    this.current = step.value;
    this.mergeKey = "";
    return true;
  }
}
