// The softphone over SIP and WebRTC (JsSIP). Traps of FreeSWITCH behind a WebSocket that this module stays out of:
// session timers are off; nothing is sent inside a dialog while the socket is down, because a failed request ends the
// call; the switch may send its BYE to a socket that is gone, so the server's word (`release`) ends a session as well.
import { UA, WebSocketInterface } from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import type { IncomingRTCSessionEvent, UnRegisteredEvent } from "jssip/lib/UA";
import { Backoff } from "./backoff";
import { askForMicrophone, closeStream, openMicrophone } from "./microphone";
import {
  type IncomingLeg,
  Listeners,
  PhoneError,
  type PhoneListener,
  type PhoneProblem,
  type Registration,
  type SoftPhone,
} from "./softphone";

/** Header the controller puts on an agent's leg: the leg's uuid. */
const LEG_HEADER = "X-Zongji-Leg";
/** Header that asks the phone to answer by itself. */
const AUTO_ANSWER_HEADER = "X-Zongji-Auto-Answer";

/** A refresh every minute or so, which also finds a socket that is dead without having been closed. */
const REGISTER_EXPIRES_S = 120;
/** A host candidate is all a switch on our side needs; do not wait for slower kinds of candidates. */
const CANDIDATES_MS = 250;
/** How long `stop` waits for the answer to the unregistration. */
const GOODBYE_MS = 1500;
/** How long the switch has to end a leg the server says is over, before this side does. */
const RELEASE_MS = 5000;
/** Between the answer and the moment keys can be sent lies the key exchange of the media (DTLS). */
const KEYS_MS = 10_000;
const KEYS_STEP_MS = 50;
const KEY_TONE_MS = 120;
const KEY_GAP_MS = 80;

export interface SipAccount {
  readonly user: string;
  readonly password: string;
  readonly domain: string;
  readonly url: string;
}

interface Session {
  readonly leg: IncomingLeg;
  readonly rtc: RTCSession;
  microphone: MediaStream | null;
  answering: boolean;
  /** Keys not yet handed to the browser. */
  digits: string;
  tones: RTCDTMFSender | null;
  playing: boolean;
}

export class SipPhone implements SoftPhone {
  readonly kind = "sip";
  private readonly listeners = new Listeners();
  private readonly open = new Map<string, Session>();
  private readonly backoff = new Backoff(1000, 30_000);
  private ua: UA | null = null;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;
  private stopped = false;

  constructor(private readonly account: SipAccount) {}

  listen(listener: PhoneListener): () => void {
    return this.listeners.add(listener);
  }

  sessions(): readonly IncomingLeg[] {
    return [...this.open.values()].map((session) => session.leg);
  }

  async start(): Promise<void> {
    this.stopped = false;
    await askForMicrophone();
    if (this.stopped || this.ua) return;
    const ua = new UA({
      sockets: [new WebSocketInterface(this.account.url)],
      uri: `sip:${this.account.user}@${this.account.domain}`,
      password: this.account.password,
      register: true,
      register_expires: REGISTER_EXPIRES_S,
      session_timers: false,
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 10,
      // The controller's deadline ends an offer, not the phone's own.
      no_answer_timeout: 600,
      user_agent: "Zongji",
    });
    this.ua = ua;
    ua.on("connecting", () => this.say("connecting"));
    ua.on("disconnected", () => this.say("waiting", "switch-unreachable"));
    ua.on("registered", () => {
      this.backoff.reset();
      this.say("registered");
    });
    ua.on("unregistered", () => this.onUnregistered());
    ua.on("registrationFailed", (event: UnRegisteredEvent) => this.onRegistrationFailed(event));
    ua.on("newRTCSession", (event: { originator: string }) => {
      if (event.originator === "remote") this.onIncoming(event as unknown as IncomingRTCSessionEvent);
    });
    ua.start();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelRetry();
    const ua = this.ua;
    this.ua = null;
    for (const session of [...this.open.values()]) this.end(session);
    if (!ua) return;
    if (ua.isConnected() && ua.isRegistered()) {
      await new Promise<void>((done) => {
        const timer = setTimeout(done, GOODBYE_MS);
        ua.once("unregistered", () => {
          clearTimeout(timer);
          done();
        });
        ua.unregister();
      });
    }
    ua.stop();
    this.say("off");
  }

  async answer(key: string): Promise<void> {
    const session = this.session(key);
    if (session.answering || !session.rtc.isInProgress()) return;
    session.answering = true;
    try {
      const microphone = await openMicrophone();
      if (session.rtc.isEnded() || !this.open.has(key)) {
        closeStream(microphone);
        return;
      }
      session.microphone = microphone;
      session.rtc.answer({ mediaStream: microphone, pcConfig: { iceServers: [] } });
    } catch (error) {
      session.answering = false;
      throw error;
    }
  }

  hangup(key: string): void {
    this.end(this.session(key));
  }

  /**
   * The server's word is often here before the switch has done what it was told. A goodbye of ours would then end the
   * customer's leg too, whom the agent has just handed over: the switch ends the session, and only if its own goodbye
   * is lost do we. Nothing is heard or said meanwhile.
   */
  release(key: string): void {
    const session = this.open.get(key);
    if (!session) return;
    this.forget(session, "");
    setTimeout(() => {
      if (!session.rtc.isEnded()) session.rtc.terminate();
    }, RELEASE_MS);
  }

  mute(key: string, muted: boolean): void {
    const { rtc } = this.session(key);
    if (muted) rtc.mute({ audio: true });
    else rtc.unmute({ audio: true });
  }

  /** Keys typed in the first moments wait until the media is up. */
  async sendDigits(key: string, digits: string): Promise<void> {
    const session = this.session(key);
    session.digits += digits;
    for (let waitedMs = 0; waitedMs < KEYS_MS && this.open.has(key); waitedMs += KEYS_STEP_MS) {
      if (session.digits === "" || this.insertDigits(session)) return;
      await new Promise((resolve) => setTimeout(resolve, KEYS_STEP_MS));
    }
    session.digits = "";
    throw new PhoneError("media-failed", "no sender for keys");
  }

  /** Hand over what was typed once the browser is done with what it has: inserting earlier would lose keys. */
  private insertDigits(session: Session): boolean {
    const sender = session.rtc.connection?.getSenders().find((each) => each.track?.kind === "audio")?.dtmf;
    if (!sender?.canInsertDTMF) return false;
    if (session.tones !== sender) {
      session.tones = sender;
      session.playing = false;
      sender.addEventListener("tonechange", (event) => {
        if (event.tone !== "") return;
        session.playing = false;
        if (session.digits) this.insertDigits(session);
      });
    }
    if (session.playing) return true;
    session.playing = true;
    sender.insertDTMF(session.digits, KEY_TONE_MS, KEY_GAP_MS);
    session.digits = "";
    return true;
  }

  retryNow(): void {
    if (!this.ua || this.stopped) return;
    this.cancelRetry();
    // `transport` is public in JsSIP's code though not in its types; its own timer could be ten seconds away.
    if (this.ua.isConnected()) this.ua.register();
    else (this.ua as UA & { transport: { connect(): void } }).transport.connect();
  }

  private session(key: string): Session {
    const session = this.open.get(key);
    if (!session) throw new PhoneError("no-such-leg", key);
    return session;
  }

  private onIncoming({ session: rtc, request }: IncomingRTCSessionEvent): void {
    const leg: IncomingLeg = {
      key: rtc.id,
      legId: request.getHeader(LEG_HEADER) ?? "",
      caller: rtc.remote_identity.uri.user ?? "",
      autoAnswer: request.getHeader(AUTO_ANSWER_HEADER) === "true",
    };
    const session: Session = {
      leg,
      rtc,
      microphone: null,
      answering: false,
      digits: "",
      tones: null,
      playing: false,
    };
    this.open.set(leg.key, session);
    rtc.on("peerconnection", ({ peerconnection }) => this.watchMedia(session, peerconnection));
    rtc.on("icecandidate", ({ ready }) => setTimeout(ready, CANDIDATES_MS));
    const onOver = ({ cause }: { cause: string }): void => this.forget(session, cause);
    rtc.on("ended", onOver);
    rtc.on("failed", onOver);
    this.listeners.emit({ kind: "incoming", leg });
  }

  private watchMedia(session: Session, connection: RTCPeerConnection): void {
    connection.addEventListener("track", (event) => {
      const stream = event.streams[0] ?? new MediaStream([event.track]);
      this.listeners.emit({ kind: "connected", key: session.leg.key, legId: session.leg.legId, stream });
    });
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "failed") this.listeners.emit({ kind: "problem", problem: "media-failed" });
    });
  }

  /** End a session. With the socket down nothing reaches the switch, and this side lets go all the same. */
  private end(session: Session): void {
    if (!session.rtc.isEnded()) session.rtc.terminate();
    this.forget(session, "");
  }

  private forget(session: Session, cause: string): void {
    if (!this.open.delete(session.leg.key)) return;
    closeStream(session.microphone);
    session.microphone = null;
    this.listeners.emit({ kind: "ended", key: session.leg.key, legId: session.leg.legId, cause });
  }

  private onUnregistered(): void {
    // Also said after a socket was lost, and when the switch refused a refresh: come back by ourselves.
    if (this.ua?.isConnected()) this.retryLater("registration-timeout");
  }

  private onRegistrationFailed(event: UnRegisteredEvent): void {
    if (!this.ua?.isConnected()) return;
    const status = event.response?.status_code ?? 0;
    const refused = status === 401 || status === 403 || status === 404 || status === 407;
    this.retryLater(refused ? "registration-refused" : "registration-timeout");
  }

  private retryLater(problem: PhoneProblem): void {
    if (this.stopped || this.retryTimer !== null) return;
    const waitMs = this.backoff.next();
    this.say("waiting", problem, Date.now() + waitMs);
    this.retryTimer = setTimeout(() => {
      this.retryTimer = null;
      if (this.ua?.isConnected()) {
        this.say("connecting");
        this.ua.register();
      }
    }, waitMs);
  }

  private cancelRetry(): void {
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.retryTimer = null;
  }

  private say(registration: Registration, problem: PhoneProblem | null = null, retryAtMs = 0): void {
    if (this.stopped && registration !== "off") return;
    this.listeners.emit({ kind: "registration", registration, problem, retryAtMs });
  }
}
