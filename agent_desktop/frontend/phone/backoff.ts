// Waiting times between tries: doubling from `firstMs` to `lastMs`, with a quarter of chance so that a thousand
// browsers do not come back in the same instant.

export class Backoff {
  private step = 0;

  constructor(
    private readonly firstMs: number,
    private readonly lastMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** The next waiting time in milliseconds. */
  next(): number {
    const base = Math.min(this.lastMs, this.firstMs * 2 ** this.step);
    this.step += 1;
    return Math.round(base * (0.75 + 0.5 * this.random()));
  }

  /** After a success: start from the beginning. */
  reset(): void {
    this.step = 0;
  }
}
