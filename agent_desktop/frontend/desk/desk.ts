// The desk: one object per page that joins the pushed state, the phone, the alerts and the requests, and keeps `store`.
// It decides nothing about calls; a button asks the server, and what is pushed back changes the screen.
import { Attention } from "../alert/attention";
import { RingTone } from "../alert/tone";
import { api, ApiError, type LegAction } from "../api";
import { phoneNumber } from "../format";
import { t } from "../i18n";
import { LiveClient } from "../live/client";
import { PhoneHolder } from "../phone/holder";
import { askForMicrophone } from "../phone/microphone";
import { SimulatedPhone } from "../phone/simulated";
import { PhoneError, type PhoneEvent, type SoftPhone } from "../phone/softphone";
import type { ChosenState, Endpoint } from "../wire";
import { Line } from "./line";
import { apply, type DeskCall, fromSnapshot, isAfter } from "./reduce";
import { store } from "./store";

const SIMULATOR = "switchsim";

export class Desk {
  private readonly tone = new RingTone();
  private readonly attention = new Attention();
  private readonly line: Line;
  private live: LiveClient | null = null;
  private holder: PhoneHolder | null = null;
  private clockOffsetMs = 0;
  private ringingLeg = "";

  /** `playStream` plays what the customer says; the element it uses outlives every page change. */
  constructor(private readonly playStream: (stream: MediaStream | null) => void) {
    this.line = new Line({
      onPhone: (event) => this.onPhone(event),
      onSessions: (legIds) => (store.phoneLegs = legIds),
      onProblem: (error) => this.show(error),
    });
  }

  /** Load the state and connect. Returns false when this account has no desk. */
  async start(): Promise<boolean> {
    setInterval(() => this.tick(), 500);
    for (;;) {
      try {
        await this.refresh();
        break;
      } catch (error) {
        if (error instanceof ApiError && (error.status === 403 || error.status === 404)) return false;
        store.live = error instanceof ApiError && error.status === 401 ? "signed_out" : "lost";
        if (store.live === "signed_out") return true;
        await new Promise((resolve) => setTimeout(resolve, 3000));
      }
    }
    this.connect();
    void this.loadToday();
    return true;
  }

  private connect(): void {
    const desk = store.desk;
    if (!desk) return;
    this.live = new LiveClient(`zj-live-${desk.me.account_id}`, {
      onEvent: (event) => {
        if (store.desk) this.become(apply(store.desk, event));
      },
      onStatus: (status) => (store.live = status),
      onReset: () => void this.resume(),
    });
    this.live.subscribe(desk.position);
    this.holder = new PhoneHolder(`zj-phone-${desk.me.account_id}`, {
      onTaken: () => this.tendPhone(),
      onGivenUp: () => this.line.use("", () => Promise.reject(new Error("no phone"))),
      mayGiveUp: () => !this.line.inCall,
      onChange: (holding) => (store.holding = holding),
      onRefused: () => this.say(t("phone.refused"), "warning"),
    });
    this.holder.start();
    addEventListener("online", () => this.line.retryNow());
    this.tendPhone();
  }

  /** After a gap in the events: a fresh snapshot, and the stream from there. */
  private async resume(): Promise<void> {
    for (;;) {
      try {
        await this.refresh(true);
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
    }
    if (store.desk) this.live?.subscribe(store.desk.position);
  }

  private async refresh(force = false): Promise<void> {
    const snapshot = await api.snapshot();
    this.clockOffsetMs = snapshot.now_ms - Date.now();
    this.tick();
    if (!force && store.desk && isAfter(store.desk.position, snapshot.position)) return;
    this.become(fromSnapshot(snapshot, store.desk));
  }

  private become(next: NonNullable<typeof store.desk>): void {
    const before = store.desk;
    store.desk = next;
    if (before?.call?.callId !== next.call?.callId && next.call) void this.loadCustomer(next.call.caller);
    if (before && before.recordId !== next.recordId) void this.loadToday();
    this.line.follow(next.call);
    this.tendPhone();
    this.tendAlerts(next.call);
  }

  private tick(): void {
    store.nowMs = Date.now() + this.clockOffsetMs;
  }

  // --- the phone -----------------------------------------------------------------------------------------------

  /** Have the phone this account needs now in this tab, and no other. */
  private tendPhone(): void {
    const desk = store.desk;
    const agent = desk?.agent;
    this.live?.setPresent(Boolean(agent) && store.holding === "here");
    const wanted = agent?.endpoint === "web" && store.holding === "here" && desk;
    const identity = wanted ? `${desk.switch.kind}:${agent.extension_id}` : "";
    void this.line.use(identity, () => this.makePhone());
    if (!identity && !this.line.active) {
      store.registration = "off";
      store.problem = null;
    }
  }

  private async makePhone(): Promise<SoftPhone> {
    if (store.desk?.switch.kind === SIMULATOR) {
      return new SimulatedPhone({
        register: async () => void (await api.simulator("register")),
        unregister: async () => void (await api.simulator("unregister")),
        answer: async (legId) => void (await api.simulator("answer", legId)),
        hangup: async (legId) => void (await api.simulator("hangup", legId)),
        sendDigits: async (legId, digits) => void (await api.simulator("dtmf", legId, digits)),
      });
    }
    // The SIP stack is half of all script here: loaded by those who phone in the browser, when they do.
    const [{ SipPhone }, account] = await Promise.all([import("../phone/sip"), api.credentials()]);
    return new SipPhone(account);
  }

  private onPhone(event: PhoneEvent): void {
    switch (event.kind) {
      case "registration":
        store.registration = event.registration;
        store.problem = event.problem;
        store.retryAtMs = event.retryAtMs ? event.retryAtMs + this.clockOffsetMs : 0;
        return;
      case "connected":
        this.playStream(event.stream);
        return;
      case "ended":
        if (!this.line.inCall) this.playStream(null);
        return;
      case "problem":
        this.say(t(`phone.problem.${event.problem}`), "danger");
        return;
      case "incoming":
        return;
    }
  }

  takePhone(): void {
    this.holder?.takeOver();
  }

  retryPhone(): void {
    this.line.retryNow();
    this.line.forget();
    this.tendPhone();
  }

  // --- alerts --------------------------------------------------------------------------------------------------

  private tendAlerts(call: DeskCall | null): void {
    const ringing = call?.stage === "ringing" && !call.autoAnswer ? call : null;
    if ((ringing?.legId ?? "") === this.ringingLeg) return;
    this.ringingLeg = ringing?.legId ?? "";
    if (!ringing) {
      this.tone.stop();
      this.attention.stop();
      return;
    }
    const caller = callerName(ringing);
    const here = store.holding !== "elsewhere";
    if (here && store.desk?.agent?.endpoint === "web") this.tone.start();
    const text = t("call.notification", { caller, queue: ringing.queue });
    this.attention.start(t("call.title", { caller }), t("call.incoming"), text, here);
  }

  // --- what buttons ask ----------------------------------------------------------------------------------------

  async signIn(extensionId: number, endpoint: Endpoint): Promise<boolean> {
    return this.act("sign", async () => {
      Attention.askPermission();
      if (endpoint === "web" && store.desk?.switch.kind !== SIMULATOR) await askForMicrophone();
      await api.signIn(extensionId, endpoint);
      await this.refresh();
    });
  }

  async signOut(): Promise<boolean> {
    return this.act("sign", async () => {
      await api.signOut();
      await this.refresh();
    });
  }

  async setState(state: ChosenState): Promise<boolean> {
    return this.act("state", () => api.setState(state));
  }

  async answer(call: DeskCall): Promise<boolean> {
    return this.act("answer", () =>
      store.desk?.agent?.endpoint === "sip" ? api.leg(call.legId, "answer") : this.line.answer(call.legId),
    );
  }

  /** The server ends the leg; when it cannot be asked, this page's phone does. */
  async hangUp(call: DeskCall): Promise<boolean> {
    return this.act("hangup", async () => {
      try {
        await api.leg(call.legId, "hangup");
      } catch (error) {
        const unreachable = error instanceof ApiError && (error.status === 0 || error.status >= 500);
        if (!unreachable || !this.line.hangup(call.legId)) throw error;
      }
    });
  }

  async setHold(call: DeskCall, held: boolean): Promise<boolean> {
    return this.leg(call, held ? "hold" : "unhold");
  }

  /** The microphone closes at once; it opens again when the server refuses. */
  async setMute(call: DeskCall, muted: boolean): Promise<boolean> {
    return this.act("mute", async () => {
      this.line.mute(call.legId, muted);
      try {
        await api.leg(call.legId, muted ? "mute" : "unmute");
      } catch (error) {
        this.line.mute(call.legId, call.muted);
        throw error;
      }
    });
  }

  /** Not one at a time: keys are typed faster than they are answered. */
  async sendKey(call: DeskCall, key: string): Promise<void> {
    store.keys[call.legId] = (store.keys[call.legId] ?? "") + key;
    try {
      if (store.desk?.agent?.endpoint === "sip") await api.leg(call.legId, "dtmf", key);
      else await this.line.sendDigits(call.legId, key);
    } catch (error) {
      this.show(error);
    }
  }

  private leg(call: DeskCall, action: LegAction): Promise<boolean> {
    return this.act(action, () => api.leg(call.legId, action));
  }

  private async act(name: string, work: () => Promise<unknown>): Promise<boolean> {
    if (store.busy.includes(name)) return false;
    store.busy = [...store.busy, name];
    try {
      await work();
      return true;
    } catch (error) {
      this.show(error);
      return false;
    } finally {
      store.busy = store.busy.filter((each) => each !== name);
    }
  }

  // --- beside the call -----------------------------------------------------------------------------------------

  async loadCustomer(number: string): Promise<void> {
    store.customer = { number, card: null, failed: false };
    try {
      const card = await api.customer(number);
      if (store.customer.number === number) store.customer = { number, card, failed: false };
    } catch {
      if (store.customer.number === number) store.customer = { number, card: null, failed: true };
    }
  }

  async loadToday(): Promise<void> {
    try {
      store.today = await api.today();
    } catch {
      // The figures of before stay; the connection light says why they do not change.
    }
  }

  private show(error: unknown): void {
    if (error instanceof PhoneError) {
      store.problem = error.problem;
      this.say(t(`phone.problem.${error.problem}`), "danger");
    } else if (error instanceof ApiError) {
      this.say(error.message, "danger");
    } else {
      throw error;
    }
  }

  private say(text: string, kind: "info" | "warning" | "danger"): void {
    document.dispatchEvent(new CustomEvent("zj:toast", { detail: { text, kind } }));
  }
}

/** A caller as people read it. */
export function callerName(call: { caller: string }): string {
  return call.caller && call.caller !== "anonymous" ? phoneNumber(call.caller) : t("call.anonymous");
}
