// Saving by itself: a little after the last change, never two at once, again after a failure. What sends and what
// waits come in from outside, so that the rules are tested without a network or a clock.

export type SaveState = "saved" | "changed" | "saving" | "offline" | "failed" | "conflict";

export type SaveAnswer<R> =
  | { kind: "saved"; revision: R }
  | { kind: "conflict" }
  | { kind: "unreachable" }
  | { kind: "refused"; message: string };

export interface SaverParts<D, R> {
  send(document: D, revision: R): Promise<SaveAnswer<R>>;
  /** Runs `job` after `ms`; returns how to call it off. */
  later(job: () => void, ms: number): () => void;
  /** Called after every change of state. */
  changed(state: SaveState, message: string): void;
}

export const PAUSE_MS = 1200;
const RETRIES_MS = [2_000, 4_000, 8_000, 15_000, 30_000];

/** Keeps one draft saved. */
export class Saver<D, R> {
  state: SaveState = "saved";
  /** What the server has; null after a conflict, when it is none of what was sent. */
  private saved: D | null;
  private wanted: D;
  private callOff: (() => void) | null = null;
  private running: Promise<void> | null = null;
  private failures = 0;

  constructor(
    document: D,
    public revision: R,
    private readonly parts: SaverParts<D, R>,
  ) {
    this.saved = document;
    this.wanted = document;
  }

  get isSaved(): boolean {
    return this.wanted === this.saved && this.running === null;
  }

  /** The document is now `document`; it is saved after a pause. */
  want(document: D): void {
    this.wanted = document;
    if (this.state === "conflict") return;
    if (this.running) return;
    if (document === this.saved) {
      this.cancel();
      this.set("saved");
    } else {
      if (this.state === "saved") this.set("changed");
      if (this.failures === 0) this.plan(PAUSE_MS);
    }
  }

  /** Save at once what there is to save. Resolves to whether everything is saved. */
  async flush(): Promise<boolean> {
    this.cancel();
    if (this.running) await this.running;
    if (this.state !== "conflict" && this.wanted !== this.saved) await this.run();
    return this.isSaved;
  }

  /** The connection is back: try now what waits for another try. */
  retry(): void {
    if (this.failures > 0) void this.flush();
  }

  /** Begin again from what the server has: `document` is saved there as `revision`. */
  reset(document: D, revision: R): void {
    this.cancel();
    this.revision = revision;
    this.saved = document;
    this.wanted = document;
    this.failures = 0;
    this.set("saved");
  }

  /** Somebody else changed what the server has: nothing is sent until somebody decides. */
  collide(): void {
    this.cancel();
    this.saved = null;
    this.set("conflict");
  }

  /** After a conflict: what is wanted goes over the server's `revision`. */
  overwrite(revision: R): Promise<boolean> {
    this.revision = revision;
    this.set("changed");
    return this.flush();
  }

  stop(): void {
    this.cancel();
  }

  private plan(ms: number): void {
    this.cancel();
    this.callOff = this.parts.later(() => void this.run(), ms);
  }

  private cancel(): void {
    this.callOff?.();
    this.callOff = null;
  }

  private run(): Promise<void> {
    this.running ??= this.send().finally(() => (this.running = null)).then(() => this.again());
    return this.running;
  }

  private async send(): Promise<void> {
    const sent = this.wanted;
    this.set("saving");
    const answer = await this.parts.send(sent, this.revision);
    if (answer.kind === "saved") {
      this.revision = answer.revision;
      this.saved = sent;
      this.failures = 0;
      this.set(this.wanted === sent ? "saved" : "changed");
    } else if (answer.kind === "conflict") {
      this.collide();
    } else {
      this.failures += 1;
      if (answer.kind === "unreachable") this.set("offline");
      else this.set("failed", answer.message);
    }
  }

  private again(): void {
    if (this.state === "changed") this.plan(PAUSE_MS);
    if (this.state === "offline" || this.state === "failed") this.plan(RETRIES_MS[Math.min(this.failures, RETRIES_MS.length) - 1] ?? 30_000);
  }

  private set(state: SaveState, message = ""): void {
    this.state = state;
    this.parts.changed(state, message);
  }
}
