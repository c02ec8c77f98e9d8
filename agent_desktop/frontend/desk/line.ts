// The phone of this page, whichever driver carries it: starts it for the account that is signed in, matches its
// sessions with the legs the server speaks of, and keeps the two in step. The pushed state decides; the phone follows.
import type { SimulatedPhone } from "../phone/simulated";
import { PhoneError, type IncomingLeg, type PhoneEvent, type SoftPhone } from "../phone/softphone";
import type { DeskCall } from "./reduce";

/** How long an answer pressed before the call reached the phone waits for it. */
const INVITE_MS = 10_000;

/** How long a call that says it is answered by itself waits for what the server says of it: nothing, of a leg that is no
 * call of a customer's.
 */
const UNTOLD_MS = 300;

export interface LineEvents {
  onPhone(event: PhoneEvent): void;
  onSessions(legIds: string[]): void;
  onProblem(error: unknown): void;
}

interface Wanted {
  legId: string;
  resolve: () => void;
  reject: (error: unknown) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Line {
  private phone: SoftPhone | null = null;
  private identity = "";
  private wanted: Wanted | null = null;
  /** Key of the session that answers, or has answered, by itself. */
  private answering = "";
  private call: DeskCall | null = null;
  private changing: Promise<void> = Promise.resolve();

  constructor(private readonly events: LineEvents) {}

  get active(): boolean {
    return this.phone !== null;
  }

  get inCall(): boolean {
    return (this.phone?.sessions().length ?? 0) > 0;
  }

  /** Run the phone `make` builds for `identity` (what it would be the phone of), or none when `identity` is empty. */
  use(identity: string, make: () => Promise<SoftPhone>): Promise<void> {
    if (identity === this.identity) return this.changing;
    this.identity = identity;
    this.changing = this.changing
      .then(() => this.replace(identity, make))
      .catch((error: unknown) => this.events.onProblem(error));
    return this.changing;
  }

  /** After a start that failed: the next `use` starts anew, instead of asking for the microphone at every event. */
  forget(): void {
    if (!this.phone) this.identity = "";
  }

  private async replace(identity: string, make: () => Promise<SoftPhone>): Promise<void> {
    const old = this.phone;
    this.phone = null;
    await old?.stop();
    if (!identity || identity !== this.identity) return;
    const phone = await make();
    if (identity !== this.identity) return;
    this.phone = phone;
    phone.listen((event) => this.onPhone(phone, event));
    try {
      await phone.start();
    } catch (error) {
      this.phone = null;
      await phone.stop();
      throw error;
    }
    this.follow(this.call);
  }

  /** The pushed state's call changed. */
  follow(call: DeskCall | null): void {
    const before = this.call;
    this.call = call;
    if (!this.phone) return;
    if (before && before.legId !== call?.legId) {
      const session = this.sessionOf(before.legId);
      if (session && session.legId === before.legId) this.phone.release(session.key);
      else if (session && !call) this.phone.release(session.key);
    }
    if (!call) return;
    if (this.phone.kind === "simulated") {
      const leg = { key: call.legId, legId: call.legId, caller: call.caller, autoAnswer: call.autoAnswer };
      if (call.stage === "ringing") (this.phone as SimulatedPhone).offer(leg);
      else (this.phone as SimulatedPhone).adopt(leg);
    }
    const session = this.sessionOf(call.legId);
    if (!session) return;
    if (call.stage === "ringing" && call.autoAnswer) this.answerSession(session);
    if (call.stage === "talking" && (before?.muted ?? false) !== call.muted) this.phone.mute(session.key, call.muted);
  }

  /** Answer the leg here; when the switch's call has not arrived yet, as soon as it does. Rejects with `PhoneError`. */
  answer(legId: string): Promise<void> {
    const phone = this.phone;
    if (!phone) return Promise.reject(new PhoneError("switch-unreachable"));
    const session = this.sessionOf(legId);
    if (session) return phone.answer(session.key);
    this.dropWanted();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.dropWanted(), INVITE_MS);
      this.wanted = { legId, resolve, reject, timer };
    });
  }

  private dropWanted(): void {
    const wanted = this.wanted;
    this.wanted = null;
    if (!wanted) return;
    clearTimeout(wanted.timer);
    wanted.reject(new PhoneError("no-such-leg"));
  }

  /** Whether the leg was ended from here. */
  hangup(legId: string): boolean {
    const session = this.sessionOf(legId);
    if (!session || !this.phone) return false;
    this.phone.hangup(session.key);
    return true;
  }

  mute(legId: string, muted: boolean): void {
    const session = this.sessionOf(legId);
    if (session) this.phone?.mute(session.key, muted);
  }

  async sendDigits(legId: string, digits: string): Promise<void> {
    const session = this.sessionOf(legId);
    if (!session || !this.phone) throw new PhoneError("no-such-leg");
    await this.phone.sendDigits(session.key, digits);
  }

  retryNow(): void {
    this.phone?.retryNow();
  }

  /** The session that carries `legId`: the one that says so, or the only one that names no leg. */
  private sessionOf(legId: string): IncomingLeg | null {
    const sessions = this.phone?.sessions() ?? [];
    const named = sessions.find((each) => each.legId === legId);
    if (named) return named;
    const unnamed = sessions.filter((each) => each.legId === "");
    return unnamed.length === 1 ? (unnamed[0] ?? null) : null;
  }

  /** Once: the offer, the phone's own word of it and every later push say that this leg is to be answered. */
  private answerSession(session: IncomingLeg): void {
    if (this.answering === session.key) return;
    this.answering = session.key;
    this.phone?.answer(session.key).catch((error: unknown) => {
      this.answering = "";
      this.events.onProblem(error);
    });
  }

  private onPhone(phone: SoftPhone, event: PhoneEvent): void {
    if (phone !== this.phone && event.kind !== "ended") return;
    if (event.kind === "incoming") this.onIncoming(event.leg);
    const sessions = this.phone?.sessions() ?? [];
    this.events.onSessions(sessions.map((each) => each.legId));
    this.events.onPhone(event);
  }

  private onIncoming(leg: IncomingLeg): void {
    const wanted = this.wanted;
    if (wanted && (leg.legId === wanted.legId || leg.legId === "")) {
      this.wanted = null;
      clearTimeout(wanted.timer);
      (this.phone as SoftPhone).answer(leg.key).then(wanted.resolve, wanted.reject);
      return;
    }
    if (this.call?.stage === "ringing" && (leg.legId === this.call.legId || leg.legId === "")) {
      if (this.call.autoAnswer) this.answerSession(leg);
    } else if (leg.autoAnswer) {
      // Its offer may be on its way. The switch hands the header on to whoever is asked from a leg that had it.
      setTimeout(() => this.answerUnlessOffered(leg), UNTOLD_MS);
    }
  }

  private answerUnlessOffered(leg: IncomingLeg): void {
    if (this.call?.legId === leg.legId && !this.call.autoAnswer) return;
    if (this.phone?.sessions().some((each) => each.key === leg.key)) this.answerSession(leg);
  }
}
