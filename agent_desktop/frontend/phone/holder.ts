// One tab of a browser holds the phone (Web Locks). The others say so and may ask for it: the holder gives it up
// between calls, never in the middle of one; a tab that is closed or crashes gives it up by itself.

export type Holding = "asking" | "here" | "elsewhere";

export interface HolderEvents {
  /** This tab now holds the phone. */
  onTaken(): void;
  /** This tab must let go; the lock is freed when the promise settles. */
  onGivenUp(): Promise<void>;
  /** Whether the phone may move to another tab now. */
  mayGiveUp(): boolean;
  onChange(holding: Holding): void;
  /** The holding tab is in a call and keeps the phone. */
  onRefused(): void;
}

type Message = { kind: "please"; from: string } | { kind: "refused"; to: string };

/** A tab that did not ask stands back this long, so that the one that asked is the next in line. */
const STAND_BACK_MS = 500;

export class PhoneHolder {
  holding: Holding = "asking";
  private readonly id = crypto.randomUUID();
  private readonly channel: BroadcastChannel;
  private letGo: (() => void) | null = null;
  private inLine: AbortController | null = null;
  private asked = false;

  constructor(
    private readonly name: string,
    private readonly events: HolderEvents,
  ) {
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = (event: MessageEvent<Message>) => this.onMessage(event.data);
  }

  /** Take the phone when no tab has it, else wait for it in line. */
  start(): void {
    void this.keepTrying();
  }

  /** Ask the holding tab for the phone. */
  takeOver(): void {
    this.asked = true;
    this.channel.postMessage({ kind: "please", from: this.id } satisfies Message);
  }

  private async keepTrying(): Promise<never> {
    for (;;) {
      const held = await navigator.locks.request(this.name, { ifAvailable: true }, async (lock) => {
        if (lock) await this.hold();
        return lock !== null;
      });
      if (!held) {
        this.set("elsewhere");
        this.inLine = new AbortController();
        try {
          await navigator.locks.request(this.name, { signal: this.inLine.signal }, () => this.hold());
        } catch (error) {
          if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
        }
        this.inLine = null;
      }
      this.set("elsewhere");
      await new Promise((resolve) => setTimeout(resolve, STAND_BACK_MS));
    }
  }

  /** Runs while the lock is held; the lock is free when it settles. */
  private async hold(): Promise<void> {
    this.asked = false;
    const released = new Promise<void>((resolve) => {
      this.letGo = resolve;
    });
    this.set("here");
    this.events.onTaken();
    await released;
    this.letGo = null;
    await this.events.onGivenUp();
  }

  private set(holding: Holding): void {
    if (holding === this.holding) return;
    this.holding = holding;
    this.events.onChange(holding);
  }

  private onMessage(message: Message): void {
    if (message.kind === "refused") {
      if (message.to === this.id && this.asked) this.events.onRefused();
    } else if (this.letGo) {
      if (this.events.mayGiveUp()) this.letGo();
      else this.channel.postMessage({ kind: "refused", to: message.from } satisfies Message);
    } else {
      this.asked = false;
      this.inLine?.abort();
    }
  }
}
