// The phone of an installation whose switch is the simulator: no sound, the same behaviour. Its calls are announced by
// the pushed events alone, and its buttons are requests to the server, which drives the simulator's phones.
import {
  type IncomingLeg,
  Listeners,
  PhoneError,
  type PhoneListener,
  type PhoneProblem,
  type Registration,
  type SoftPhone,
} from "./softphone";
import { Backoff } from "./backoff";

/** What the simulated phone asks of the server; each rejects when the server refuses. */
export interface SimulatorCommands {
  register(): Promise<void>;
  unregister(): Promise<void>;
  answer(legId: string): Promise<void>;
  hangup(legId: string): Promise<void>;
  sendDigits(legId: string, digits: string): Promise<void>;
}

/** As a SIP phone renews its registration; the server lets it lapse after 90 s. */
const RENEW_MS = 20_000;

export class SimulatedPhone implements SoftPhone {
  readonly kind = "simulated";
  private readonly listeners = new Listeners();
  private readonly open = new Map<string, IncomingLeg>();
  private readonly backoff = new Backoff(1000, 15_000);
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private running = false;
  private registered = false;

  constructor(private readonly commands: SimulatorCommands) {}

  listen(listener: PhoneListener): () => void {
    return this.listeners.add(listener);
  }

  sessions(): readonly IncomingLeg[] {
    return [...this.open.values()];
  }

  async start(): Promise<void> {
    this.running = true;
    await this.register();
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    this.running = false;
    this.registered = false;
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.retryTimer = null;
    for (const key of [...this.open.keys()]) this.release(key);
    try {
      await this.commands.unregister();
    } finally {
      this.listeners.emit({ kind: "registration", registration: "off", problem: null, retryAtMs: 0 });
    }
  }

  /** A pushed offer is this phone's INVITE. */
  offer(leg: IncomingLeg): void {
    if (!this.running || this.open.has(leg.key)) return;
    this.open.set(leg.key, leg);
    this.listeners.emit({ kind: "incoming", leg });
  }

  /** A call that was answered before this page was loaded: here it has no sound to lose. */
  adopt(leg: IncomingLeg): void {
    if (!this.running || this.open.has(leg.key)) return;
    this.open.set(leg.key, leg);
    this.listeners.emit({ kind: "connected", key: leg.key, legId: leg.legId, stream: null });
  }

  async answer(key: string): Promise<void> {
    const leg = this.leg(key);
    await this.commands.answer(leg.legId);
    this.listeners.emit({ kind: "connected", key, legId: leg.legId, stream: null });
  }

  hangup(key: string): void {
    const leg = this.leg(key);
    this.release(key);
    this.commands.hangup(leg.legId).catch(() => this.listeners.emit({ kind: "problem", problem: "switch-unreachable" }));
  }

  release(key: string): void {
    const leg = this.open.get(key);
    if (!leg) return;
    this.open.delete(key);
    this.listeners.emit({ kind: "ended", key, legId: leg.legId, cause: "" });
  }

  mute(key: string): void {
    // There is no microphone to close: the server's record of it is all there is.
    this.leg(key);
  }

  async sendDigits(key: string, digits: string): Promise<void> {
    await this.commands.sendDigits(this.leg(key).legId, digits);
  }

  retryNow(): void {
    if (this.running) void this.register();
  }

  private leg(key: string): IncomingLeg {
    const leg = this.open.get(key);
    if (!leg) throw new PhoneError("no-such-leg", key);
    return leg;
  }

  private async register(): Promise<void> {
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.retryTimer = null;
    if (!this.registered) this.say("connecting");
    let waitMs = RENEW_MS;
    try {
      await this.commands.register();
      this.backoff.reset();
      if (!this.registered) this.say("registered");
      this.registered = true;
    } catch {
      this.registered = false;
      waitMs = this.backoff.next();
      this.say("waiting", "switch-unreachable", Date.now() + waitMs);
    }
    if (this.running) this.retryTimer = setTimeout(() => this.retryNow(), waitMs);
  }

  private say(registration: Registration, problem: PhoneProblem | null = null, retryAtMs = 0): void {
    if (this.running) this.listeners.emit({ kind: "registration", registration, problem, retryAtMs });
  }
}
