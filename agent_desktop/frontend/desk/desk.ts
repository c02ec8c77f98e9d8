// The desk: one object per page that joins the pushed state, the phone, the alerts and the requests, and keeps `store`.
// It decides nothing about calls; a button asks the server, and what is pushed back changes the screen.
import { Attention } from "../alert/attention";
import { RingTone, chime } from "../alert/tone";
import { api, ApiError, type LegAction } from "../api";
import { isWithheld, phoneNumber } from "../format";
import { t } from "../i18n";
import { LiveClient } from "../live/client";
import { PhoneHolder } from "../phone/holder";
import { askForMicrophone } from "../phone/microphone";
import { SimulatedPhone } from "../phone/simulated";
import { PhoneError, type PhoneEvent, type SoftPhone } from "../phone/softphone";
import type { ChosenState, Endpoint, SuperviseState, TransferTo, WorkEntry, WrapUp } from "../wire";
import { chats, type ToldLine } from "./chats";
import { ringsElsewhere } from "./dialling";
import { Line } from "./line";
import { Pops, withPop } from "./pops";
import { apply, type DeskCall, fromSnapshot, isAfter } from "./reduce";
import { store } from "./store";
import { conversationBegins, type FormChange, newest, WrapUps } from "./wrapups";

const SIMULATOR = "switchsim";
/** What others do to the work list is seen so much later at most; own calls change it at once. */
const WORK_MS = 60_000;

export class Desk {
  private readonly tone = new RingTone();
  private readonly attention = new Attention();
  private readonly line: Line;
  private live: LiveClient | null = null;
  private holder: PhoneHolder | null = null;
  private clockOffsetMs = 0;
  private ringingLeg = "";
  private readonly reminded = new Set<number>();
  private tabs: BroadcastChannel | null = null;
  private formsKnown: Promise<void> = Promise.resolve();
  private readonly pops = new Pops(
    (callId) => api.pop(callId),
    (call, url) => this.openPage(call, url),
  );
  private readonly wrapUps = new WrapUps(store, {
    drafts: () => api.drafts(),
    write: (what, form) => api.writeWrapUp(what, form),
    discard: (callId) => api.discardWrapUp(callId),
    standing: standingOf,
    sentence: (error) => (error instanceof ApiError && error.status >= 400 && error.status < 500 ? error.message : ""),
    tell: () => this.tabs?.postMessage("changed"),
  });

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
    this.formsKnown = this.loadForms();
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
    this.tabs = new BroadcastChannel(`zj-wrap-ups-${store.desk?.me.account_id ?? 0}`);
    this.tabs.onmessage = () => void this.loadForms();
    setInterval(() => void this.loadWork(), WORK_MS);
    void this.loadToday();
    void this.loadWork();
    return true;
  }

  private connect(): void {
    const desk = store.desk;
    if (!desk) return;
    this.live = new LiveClient(`zj-live-${desk.me.account_id}`, {
      onEvent: (event) => {
        if (store.desk) this.become(apply(store.desk, event));
        if (event.type === "supervise.state") this.tendListening(event.data);
        this.tellLine(chats.onEvent(event, desk.me.account_id));
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

  async refresh(force = false): Promise<void> {
    const snapshot = await api.snapshot();
    this.clockOffsetMs = snapshot.now_ms - Date.now();
    this.tick();
    if (!force && store.desk && isAfter(store.desk.position, snapshot.position)) return;
    this.become(fromSnapshot(snapshot, store.desk));
  }

  private become(next: NonNullable<typeof store.desk>): void {
    const before = store.desk;
    store.desk = next;
    if (before?.call?.callId !== next.call?.callId && next.call) void this.loadCustomer(next.call.caller, next.call.callId);
    if (before && before.recordId !== next.recordId) {
      void this.loadToday();
      void this.loadWork();
    }
    if (next.call && conversationBegins(before?.call, next.call)) this.talks(next.call);
    this.pops.follow(next.call);
    if (before && before.missedRecordId !== next.missedRecordId) void this.loadWork();
    this.line.follow(next.call);
    this.tendPhone();
    this.tendAlerts(next.call);
  }

  private tick(): void {
    store.nowMs = Date.now() + this.clockOffsetMs;
    this.remind();
  }

  /** Its form opens; after a reload it is the draft that is there. */
  private talks(call: DeskCall): void {
    void this.formsKnown.then(() => this.wrapUps.begin(call, store.nowMs));
  }

  /** A call's page of another system: a tab of its own, in front. */
  private openPage(call: DeskCall, url: string): void {
    store.pops = withPop(store.pops, { callId: call.callId, url, title: callerName(call) });
    store.shownPop = call.callId;
  }

  closePage(callId: string): void {
    store.pops = store.pops.filter((each) => each.callId !== callId);
    if (store.shownPop === callId) store.shownPop = "";
  }

  /** Say once that it is time to call somebody. */
  private remind(): void {
    for (const entry of store.work ?? []) {
      const due = entry.kind === "reminder" && !entry.done_ms && entry.due_ms > 0 && entry.due_ms <= store.nowMs;
      if (!due || this.reminded.has(entry.id)) continue;
      this.reminded.add(entry.id);
      // One that was due long ago stands in the list, in red; it was said when it was time.
      if (store.nowMs - entry.due_ms > WORK_MS * 5 || store.holding === "elsewhere") continue;
      const who = entry.name || phoneNumber(entry.number);
      this.say(t("work.remind", { who }), "info");
      Attention.tell(t("work.remind", { who }), entry.text);
    }
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

  /** A supervisor's own leg answers by itself: a real phone reads so in the INVITE, the simulated one is told here. */
  private tendListening(watch: SuperviseState): void {
    const desk = store.desk;
    const here = store.holding === "here" && desk?.agent?.endpoint === "web" && desk.switch.kind === SIMULATOR;
    if (!here || watch.state !== "calling" || watch.account_id !== desk.me.account_id) return;
    void this.answerSimulated(watch.leg_id);
  }

  /** The leg is told of before it rings. */
  private async answerSimulated(legId: string, tries = 5): Promise<void> {
    try {
      await api.simulator("answer", legId);
    } catch (error) {
      if (tries === 0) return this.show(error);
      await new Promise((resolve) => setTimeout(resolve, 400));
      await this.answerSimulated(legId, tries - 1);
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
    if (here && endpointOf(ringing) === "web") this.tone.start();
    const text = t("call.notification", { caller, queue: ringing.queue });
    this.attention.start(t("call.title", { caller }), t("call.incoming"), text, here);
  }

  /** A supervisor wrote: said once, in the tab that has the phone, and only to who does not look at the page. */
  private tellLine(line: ToldLine | null): void {
    if (!line || store.holding === "elsewhere" || document.hasFocus()) return;
    Attention.tell(line.name, line.text);
    void chime().catch(() => undefined);
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

  /** `reason` is the id of one of the company's own, or empty. */
  async setState(state: ChosenState, reason = ""): Promise<boolean> {
    return this.act("state", () => api.setState(state, reason));
  }

  /** End the wrap-up early, or make it longer (once). */
  async wrapUp(what: "end" | "extend"): Promise<boolean> {
    return this.act("wrap-up", () => api.wrapUp(what));
  }

  changeForm(callId: string, change: FormChange): void {
    this.wrapUps.change(callId, change);
  }

  showForm(callId: string): void {
    this.wrapUps.show(callId);
  }

  /** Save a form; during its wrap-up, the agent is free again with it. */
  async saveForm(callId: string): Promise<void> {
    await this.act("form", async () => {
      const last = store.desk?.past[0]?.callId ?? newest(store.forms);
      if (!(await this.wrapUps.save(callId))) return;
      void this.loadWork();
      if (store.desk?.agent?.state === "wrap_up" && last === callId) await api.wrapUp("end");
    });
  }

  async discardForm(callId: string): Promise<void> {
    await this.act("form", () => this.wrapUps.discard(callId));
  }

  async markWork(entry: WorkEntry, done: boolean): Promise<void> {
    await this.act("work", async () => {
      await api.markWork(entry.kind, entry.id, done);
      await this.loadWork();
    });
  }

  /** Call the number of an entry of the work list; returns the sentence of what refused it, or nothing. */
  async callWork(entry: WorkEntry): Promise<string> {
    return this.call((key) => api.callWork(entry.kind, entry.id, key));
  }

  async answer(call: DeskCall): Promise<boolean> {
    if (ringsElsewhere(endpointOf(call), store.holding)) {
      this.say(t("phone.elsewhere"), "warning");
      return false;
    }
    return this.act("answer", () =>
      endpointOf(call) === "web" ? this.line.answer(call.legId) : api.leg(call.legId, "answer"),
    );
  }

  /** Call a number; returns the sentence of what refused it, or nothing. Each click has its own key: an answer that
   * was lost repeats nothing. */
  async dial(to: string): Promise<string> {
    return this.call((key) => api.dial(to, key));
  }

  /** Call the other party of a call again; as `dial`. */
  async dialAgain(call: string): Promise<string> {
    return this.call((key) => api.dialAgain(call, key));
  }

  private async call(begin: (key: string) => Promise<unknown>): Promise<string> {
    return this.refusable("dial", () => begin(crypto.randomUUID()));
  }

  private async refusable(name: string, work: () => Promise<unknown>): Promise<string> {
    let refused = "";
    await this.act(name, async () => {
      try {
        await work();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        refused = error.message;
      }
    });
    return refused;
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

  /** Hand the customer over at once; returns the sentence of what refused it, or nothing. */
  async transfer(call: DeskCall, to: TransferTo): Promise<string> {
    return this.refusable("transfer", () => api.transfer(call.legId, to));
  }

  /** Ask an agent or a number first; as `transfer`. */
  async consult(call: DeskCall, to: TransferTo): Promise<string> {
    return this.refusable("transfer", () => api.consult(call.legId, to));
  }

  async cancelConsult(call: DeskCall): Promise<boolean> {
    return this.leg(call, "consult_cancel");
  }

  async completeTransfer(call: DeskCall): Promise<boolean> {
    return this.leg(call, "transfer_complete");
  }

  /** The customer joins the agent and whom they ask. */
  async joinAll(call: DeskCall): Promise<boolean> {
    return this.leg(call, "conference");
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
      if (endpointOf(call) === "web") await this.line.sendDigits(call.legId, key);
      else await api.leg(call.legId, "dtmf", key);
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

  async loadCustomer(number: string, callId: string): Promise<void> {
    store.customer = { number, callId, card: null, failed: false };
    const wanted = (): boolean => store.customer?.number === number && store.customer.callId === callId;
    try {
      const card = await api.customer(number, callId);
      if (wanted()) store.customer = { number, callId, card, failed: false };
    } catch {
      if (wanted()) store.customer = { number, callId, card: null, failed: true };
    }
  }

  async loadToday(): Promise<void> {
    try {
      store.today = await api.today();
    } catch {
      // The figures of before stay; the connection light says why they do not change.
    }
  }

  async loadWork(): Promise<void> {
    try {
      store.work = await api.work();
    } catch {
      // As with the figures.
    }
  }

  private async loadForms(): Promise<void> {
    try {
      await this.wrapUps.load();
    } catch {
      // Drafts are at the server; the next load shows them.
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

/** What another page wrote of a wrap-up, as a refusal says it. */
function standingOf(error: unknown): WrapUp | "saved" | null {
  if (!(error instanceof ApiError)) return null;
  if (error.id === "wrap-up-saved") return "saved";
  return error.id === "wrap-up-changed" ? (error.detail["now"] as WrapUp) : null;
}

/** What rings for a call, or was picked up: only the browser's own phone is driven here, the others by the server. */
export function endpointOf(call: DeskCall): Endpoint | "" {
  return call.endpoint || (store.desk?.agent?.endpoint ?? "");
}

/** A caller as people read it. */
export function callerName(call: { caller: string }): string {
  return isWithheld(call.caller) ? t("call.anonymous") : phoneNumber(call.caller);
}
