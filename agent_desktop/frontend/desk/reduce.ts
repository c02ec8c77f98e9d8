// The desk's state as a value, and what each pushed event makes of it. Pure: no clock, no network, no screen. Buttons
// and cards follow this state only, so that every tab and every endpoint shows the same.
import type {
  AgentState,
  CallConsulting,
  CallNow,
  CallOffered,
  CallOverReason,
  CallTalking,
  Consult,
  DeskSnapshot,
  Direction,
  Endpoint,
  ExtensionChoice,
  Identity,
  LiveEvent,
  RecordReady,
  SwitchNow,
  Words,
} from "../wire";

export type Stage = "ringing" | "talking" | "over";

export interface DeskCall {
  callId: string;
  legId: string;
  stage: Stage;
  direction: Direction;
  /** The agent dialled it; "out" alone says that some agent did, who may have handed it over. */
  own: boolean;
  /** The other party: who called, or whom the agent called. */
  caller: string;
  /** The company's own number: the one called, or the one shown. */
  called: string;
  /** Code of the route it came in by. */
  route: string;
  /** Outbound: the called party is being called. */
  dialling: boolean;
  /** Outbound: why nobody was reached, the switch's cause. */
  failure: string;
  queueId: number;
  queue: string;
  path: string[];
  missedBefore: number;
  autoAnswer: boolean;
  /** What rings or was picked up; empty: the agent's own endpoint. */
  endpoint: Endpoint | "";
  /** How long the caller had waited when the call was offered. */
  waitedMs: number;
  offeredMs: number;
  deadlineMs: number;
  startedMs: number;
  recording: boolean;
  held: boolean;
  heldSinceMs: number;
  /** Sum of the holds that are over. */
  heldMs: number;
  muted: boolean;
  /** Whom the agent asks before handing the customer over. */
  consult: Consult | null;
  /** The colleague who asks this agent before handing the customer over; empty: the call is this agent's own. */
  askedBy: string;
  /** The customer of the colleague who asks talks with both. */
  joined: boolean;
  overMs: number;
  why: CallOverReason | "";
}

export interface DeskState {
  me: Identity;
  agent: AgentState | null;
  call: DeskCall | null;
  /** Id of the record written last for a call of this agent: figures and lists have changed. */
  recordId: number;
  /** Id of the record written last for a call that rang here and that nobody took: the work list has changed. */
  missedRecordId: number;
  /** Calls of this page's life that are over, newest first. */
  past: DeskCall[];
  extensions: ExtensionChoice[];
  words: Words;
  switch: SwitchNow;
  /** Waiting callers per queue of this agent, as far as pushed. */
  waiting: Record<number, { waiting: number; longestSinceMs: number }>;
  position: string;
}

const PAST_KEPT = 50;

/** The state a snapshot describes. What only this page knows (calls that are over, time on hold) is kept from `before`. */
export function fromSnapshot(snapshot: DeskSnapshot, before: DeskState | null = null): DeskState {
  const kept = before ? retireUnless(before, snapshot.call?.leg_id ?? "", snapshot.now_ms) : null;
  const call = snapshot.call ? fromCallNow(snapshot.call, snapshot.now_ms) : null;
  const known = kept?.call ?? null;
  return {
    me: snapshot.me,
    agent: snapshot.agent,
    call: call && known ? withKnown(call, known) : call,
    recordId: before?.recordId ?? 0,
    missedRecordId: before?.missedRecordId ?? 0,
    past: kept?.past ?? [],
    extensions: snapshot.extensions,
    words: snapshot.words,
    switch: snapshot.switch,
    waiting: before?.waiting ?? {},
    position: snapshot.position,
  };
}

function withKnown(call: DeskCall, known: DeskCall): DeskCall {
  return { ...call, heldMs: known.heldMs, heldSinceMs: known.heldSinceMs || call.heldSinceMs, muted: known.muted };
}

function retireUnless(state: DeskState, legId: string, atMs: number): DeskState {
  return state.call && state.call.legId !== legId ? retire(state, atMs) : state;
}

/** Apply one pushed event. Events at or before the state's position, and those of other agents, change nothing. */
export function apply(state: DeskState, event: LiveEvent): DeskState {
  if (!isAfter(event.id, state.position)) return state;
  const next = { ...state, position: event.id };
  const atMs = instantOf(event.id);
  switch (event.type) {
    case "queue.changed":
      return {
        ...next,
        waiting: {
          ...state.waiting,
          [event.data.queue_id]: { waiting: event.data.waiting, longestSinceMs: event.data.longest_since_ms },
        },
      };
    case "system.switch":
      return { ...next, switch: event.data };
    case "supervise.state":
    case "chat.line":
    case "chat.read":
      return next; // the supervisor's page or the chat's panel shows it
    case "record.ready":
      return withRecord(next, event.data);
    default:
      return event.data.account_id === state.me.account_id ? applyMine(next, event, atMs) : next;
  }
}

/** Who may see all calls is told of every record; those of others change nothing here. */
function withRecord(state: DeskState, record: RecordReady): DeskState {
  if (record.account_id === state.me.account_id) return { ...state, recordId: record.record_id };
  const rangHere = record.account_id === 0 && state.past.some((call) => call.callId === record.call_id);
  return rangHere ? { ...state, missedRecordId: record.record_id } : state;
}

type MyEvent = Exclude<LiveEvent, { type: "queue.changed" | "system.switch" | "supervise.state" | "record.ready" | "chat.line" | "chat.read" }>;

function applyMine(state: DeskState, event: MyEvent, atMs: number): DeskState {
  switch (event.type) {
    case "agent.state":
      return { ...state, agent: event.data.state === "signed_out" ? null : event.data };
    case "phone.registered":
      return state.agent && state.agent.endpoint === event.data.endpoint
        ? { ...state, agent: { ...state.agent, registered: event.data.registered } }
        : state;
    case "call.offered":
      return { ...retire(state, atMs), call: fromOffered(event.data, atMs) };
    case "call.dialling":
      return withLeg(state, event.data.leg_id, (call) => ({ ...call, dialling: true }));
    case "call.failed":
      return withLeg(state, event.data.leg_id, (call) => ({ ...call, failure: event.data.cause }));
    case "call.talking":
      return withTalking(state, event.data, atMs);
    case "call.held":
      return withLeg(state, event.data.leg_id, (call) => withHold(call, event.data.held, atMs));
    case "call.consulting":
      return withLeg(state, event.data.leg_id, (call) => ({ ...call, consult: consulting(event.data) }));
    case "call.joined":
      return withLeg(state, event.data.leg_id, (call) => ({ ...call, joined: true }));
    case "call.muted":
      return withLeg(state, event.data.leg_id, (call) => ({ ...call, muted: event.data.muted }));
    case "call.over":
      if (state.call?.legId !== event.data.leg_id) return state;
      return retire(state, atMs, event.data.why);
  }
}

/** The call on the card moves to the list of past calls. */
function retire(state: DeskState, atMs: number, why: CallOverReason = "ended"): DeskState {
  if (!state.call) return state;
  const over: DeskCall = { ...withHold(state.call, false, atMs), stage: "over", overMs: atMs, why };
  return { ...state, call: null, past: [over, ...state.past].slice(0, PAST_KEPT) };
}

function withLeg(state: DeskState, legId: string, change: (call: DeskCall) => DeskCall): DeskState {
  return state.call?.legId === legId ? { ...state, call: change(state.call) } : state;
}

function withTalking(state: DeskState, data: CallTalking, atMs: number): DeskState {
  const known = state.call?.callId === data.call_id ? state.call : null;
  const base = known ?? { ...blank(data.call_id, data.leg_id), offeredMs: atMs, ...parties(data), queue: data.queue };
  const call: DeskCall = {
    ...base,
    legId: data.leg_id,
    stage: "talking",
    startedMs: data.started_ms,
    recording: data.recording,
    askedBy: data.asked_by ?? "",
    joined: false,
  };
  return known ? { ...state, call } : { ...retire(state, atMs), call };
}

/** Who is asked; one who was not reached stays on the card with the cause, until the next thing happens. */
function consulting(data: CallConsulting): Consult | null {
  const answeredOrTakenBack = data.cause === "" || data.cause === "NORMAL_CLEARING" || data.cause === "ORIGINATOR_CANCEL";
  if (data.state === "over" && answeredOrTakenBack) return null;
  return { state: data.state, to: data.to, cause: data.cause };
}

function withHold(call: DeskCall, held: boolean, atMs: number): DeskCall {
  if (held === call.held) return call;
  if (held) return { ...call, held, heldSinceMs: atMs };
  return { ...call, held, consult: null, heldSinceMs: 0, heldMs: call.heldMs + Math.max(0, atMs - call.heldSinceMs) };
}

function blank(callId: string, legId: string): DeskCall {
  return {
    callId,
    legId,
    stage: "ringing",
    direction: "in",
    own: false,
    caller: "",
    called: "",
    route: "",
    dialling: false,
    failure: "",
    queueId: 0,
    queue: "",
    path: [],
    missedBefore: 0,
    autoAnswer: false,
    endpoint: "",
    waitedMs: 0,
    offeredMs: 0,
    deadlineMs: 0,
    startedMs: 0,
    recording: false,
    held: false,
    heldSinceMs: 0,
    heldMs: 0,
    muted: false,
    consult: null,
    askedBy: "",
    joined: false,
    overMs: 0,
    why: "",
  };
}

function parties(data: { direction: Direction; caller: string; called: string }) {
  const out = data.direction === "out";
  return { direction: data.direction, caller: out ? data.called : data.caller, called: out ? data.caller : data.called };
}

function fromOffered(data: CallOffered, atMs: number): DeskCall {
  return {
    ...blank(data.call_id, data.leg_id),
    ...parties(data),
    own: data.own,
    route: data.route,
    queueId: data.queue_id,
    queue: data.queue,
    path: data.path,
    missedBefore: data.missed,
    autoAnswer: data.auto_answer,
    endpoint: data.endpoint,
    waitedMs: data.waited_ms,
    askedBy: data.asked_by ?? "",
    offeredMs: atMs,
    deadlineMs: data.deadline_ms,
  };
}

function fromCallNow(data: CallNow, nowMs: number): DeskCall {
  return {
    ...blank(data.call_id, data.leg_id),
    stage: data.stage,
    ...parties(data),
    own: data.own,
    route: data.route,
    dialling: data.dialling,
    failure: data.failure,
    queueId: data.queue_id,
    queue: data.queue,
    path: data.path,
    missedBefore: data.missed,
    autoAnswer: data.auto_answer,
    endpoint: data.endpoint,
    waitedMs: data.waited_ms,
    offeredMs: data.offered_ms,
    deadlineMs: data.deadline_ms,
    startedMs: data.started_ms,
    recording: data.recording,
    held: data.held,
    heldSinceMs: data.held ? nowMs : 0,
    muted: data.muted,
    consult: data.consult,
    askedBy: data.asked_by,
    joined: data.joined,
  };
}

/** Time spent with the customer on the line and not on hold, and time on hold, in milliseconds. */
export function talkAndHold(call: DeskCall, nowMs: number): { talkMs: number; holdMs: number } {
  if (!call.startedMs) return { talkMs: 0, holdMs: 0 };
  const end = call.overMs || nowMs;
  const holdMs = call.heldMs + (call.held ? Math.max(0, end - call.heldSinceMs) : 0);
  return { talkMs: Math.max(0, end - call.startedMs - holdMs), holdMs };
}

/** The instant in a stream position `<ms>-<n>`. */
export function instantOf(position: string): number {
  return Number(position.split("-")[0]) || 0;
}

/** Whether stream position `a` lies after `b`. An empty position lies before all. */
export function isAfter(a: string, b: string): boolean {
  if (!b) return true;
  const [aMs = 0, aN = 0] = a.split("-").map(Number);
  const [bMs = 0, bN = 0] = b.split("-").map(Number);
  return aMs > bMs || (aMs === bMs && aN > bN);
}
