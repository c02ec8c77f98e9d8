// What a phone in this page can do, whichever driver carries it. No DOM here: a driver hands out media streams and
// events, the page decides what to play and to show. Call control (hold, mute, hang-up) is the server's, by REST;
// a driver answers, sends keys, carries sound, and lets go when told that a call is over.

/** Why the phone cannot work now; each has its own sentence in the dictionary (`phone.problem.<id>`). */
export type PhoneProblem =
  | "microphone-denied"
  | "microphone-missing"
  | "microphone-busy"
  | "microphone-insecure"
  | "switch-unreachable"
  | "registration-refused"
  | "registration-timeout"
  | "no-such-leg"
  | "media-failed";

/** An error with a problem id; never shown as it is. */
export class PhoneError extends Error {
  constructor(
    readonly problem: PhoneProblem,
    detail = "",
  ) {
    super(detail ? `${problem}: ${detail}` : problem);
    this.name = "PhoneError";
  }
}

/** Where the registration stands: `waiting` is between two tries. */
export type Registration = "off" | "connecting" | "registered" | "waiting";

/** A call reaching this phone. `legId` is empty when the switch named none (somebody dialled the phone itself). */
export interface IncomingLeg {
  readonly key: string;
  readonly legId: string;
  readonly caller: string;
  readonly autoAnswer: boolean;
}

export type PhoneEvent =
  | { kind: "registration"; registration: Registration; problem: PhoneProblem | null; retryAtMs: number }
  | { kind: "incoming"; leg: IncomingLeg }
  | { kind: "connected"; key: string; legId: string; stream: MediaStream | null }
  | { kind: "ended"; key: string; legId: string; cause: string }
  | { kind: "problem"; problem: PhoneProblem };

export type PhoneListener = (event: PhoneEvent) => void;

/** A softphone. `key` is the driver's own name for a session, `IncomingLeg.key`. */
export interface SoftPhone {
  readonly kind: "sip" | "simulated";
  /** Ask for the microphone, connect and register. Rejects with {@link PhoneError} when the microphone is refused. */
  start(): Promise<void>;
  /** End what is up, unregister and let go of devices. Safe to call twice. */
  stop(): Promise<void>;
  /** Answer a ringing session. Rejects with {@link PhoneError}; the session then goes on ringing. */
  answer(key: string): Promise<void>;
  /** End a session from this side: the last resort when the server's command cannot be sent. */
  hangup(key: string): void;
  /** Let go of a session the server says is over; sends nothing when the far side already knows or cannot be reached. */
  release(key: string): void;
  /** Close or open the microphone of a session. */
  mute(key: string, muted: boolean): void;
  /** Send keys (0-9, *, #) as RFC 2833 events. */
  sendDigits(key: string, digits: string): Promise<void>;
  /** The network came back or changed: try now instead of at the next turn. */
  retryNow(): void;
  /** Sessions up now, oldest first. */
  sessions(): readonly IncomingLeg[];
  listen(listener: PhoneListener): () => void;
}

/** Listeners of one driver; an error in one does not keep the event from the others. */
export class Listeners {
  private readonly all = new Set<PhoneListener>();

  add(listener: PhoneListener): () => void {
    this.all.add(listener);
    return () => this.all.delete(listener);
  }

  emit(event: PhoneEvent): void {
    for (const listener of [...this.all]) {
      try {
        listener(event);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
