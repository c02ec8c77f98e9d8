// What the server says: pushed events (docs/contracts.md) and the answers of /desk/api. Times are milliseconds, UTC.

export const AGENT_STATES = [
  "signed_out",
  "not_ready",
  "ready",
  "break",
  "away",
  "reserved",
  "ringing",
  "talking",
  "wrap_up",
  "not_responding",
] as const;
export type AgentStateName = (typeof AGENT_STATES)[number];

/** The states an agent chooses; the others follow from calls. */
export const CHOSEN_STATES = ["ready", "not_ready", "break", "away"] as const;
export type ChosenState = (typeof CHOSEN_STATES)[number];

/** What an agent answers on; a landline is an outside telephone, picked up by hand. */
export type Endpoint = "web" | "sip" | "landline";

export interface AgentState {
  account_id: number;
  name: string;
  extension_id: number;
  extension: string;
  endpoint: Endpoint | "";
  state: AgentStateName;
  since_ms: number;
  reason: string;
  next_state: string;
  /** The break reason chosen with it: its id, or nothing. */
  next_reason: string;
  registered: boolean;
  /** The next call rings the landline or mobile bound to the extension. */
  by_number: boolean;
  queue_ids: number[];
  /** When the wrap-up ends; 0: there is none. */
  until_ms: number;
  /** The wrap-up was made longer already. */
  extended: boolean;
}

export type Direction = "in" | "out";

export interface CallOffered {
  call_id: string;
  leg_id: string;
  account_id: number;
  queue_id: number;
  queue: string;
  /** "out": an agent dialled `called`, showing `caller`. */
  direction: Direction;
  /** This agent's own leg of a call they dialled: nothing to answer. */
  own: boolean;
  caller: string;
  called: string;
  /** Code of the route the call came in by; empty: none. */
  route: string;
  path: string[];
  waited_ms: number;
  missed: number;
  deadline_ms: number;
  auto_answer: boolean;
  /** What rings; another than the agent's own when their phone is away and the bound number rings in its place. */
  endpoint: Endpoint;
  asked_by?: string;
}

/** The agent's own leg listens; the called party is being called. */
export interface CallDialling {
  call_id: string;
  leg_id: string;
  account_id: number;
  direction: Direction;
  called: string;
}

/** The called party was not reached; `cause` is the switch's. */
export interface CallFailed extends CallDialling {
  cause: string;
}

export interface CallTalking {
  call_id: string;
  leg_id: string;
  account_id: number;
  started_ms: number;
  direction: Direction;
  caller: string;
  called: string;
  queue: string;
  recording: boolean;
  asked_by?: string;
}

export interface CallHeld {
  call_id: string;
  leg_id: string;
  account_id: number;
  held: boolean;
}

/** Whom the agent asks before handing the customer over. */
export interface Consult {
  state: "dialling" | "talking" | "conference" | "over";
  to: { kind: "agent" | "number"; id: number; name: string; number: string };
  /** The switch's, when it is over. */
  cause: string;
}

export interface CallConsulting extends Consult {
  call_id: string;
  leg_id: string;
  account_id: number;
}

/** The customer joined the talk, for the agent who is asked. */
export interface CallJoined {
  call_id: string;
  leg_id: string;
  account_id: number;
}

export interface CallMuted {
  call_id: string;
  leg_id: string;
  account_id: number;
  muted: boolean;
}

export type CallOverReason = "ended" | "missed" | "caller_gone" | "elsewhere" | "rejected" | "transferred";

export interface CallOver {
  call_id: string;
  leg_id: string;
  account_id: number;
  why: CallOverReason;
  cause: string;
}

export interface QueueChanged {
  queue_id: number;
  waiting: number;
  longest_since_ms: number;
}

export interface PhoneRegistered {
  account_id: number;
  endpoint: Endpoint;
  registered: boolean;
}

export interface SystemSwitch {
  kind: string;
  connected: boolean;
}

/** A supervisor takes part in an agent's talk: `account_id` is the supervisor. */
export interface SuperviseState {
  account_id: number;
  agent_id: number;
  call_id: string;
  leg_id: string;
  mode: "monitor" | "whisper" | "barge";
  state: "calling" | "on" | "over";
  cause: string;
}

/** A call's record was written or completed. */
export interface RecordReady {
  record_id: number;
  call_id: string;
  account_id: number;
  state: string;
}

export type LiveEvent =
  | { id: string; type: "agent.state"; data: AgentState }
  | { id: string; type: "call.offered"; data: CallOffered }
  | { id: string; type: "call.dialling"; data: CallDialling }
  | { id: string; type: "call.failed"; data: CallFailed }
  | { id: string; type: "call.talking"; data: CallTalking }
  | { id: string; type: "call.held"; data: CallHeld }
  | { id: string; type: "call.consulting"; data: CallConsulting }
  | { id: string; type: "call.joined"; data: CallJoined }
  | { id: string; type: "call.muted"; data: CallMuted }
  | { id: string; type: "call.over"; data: CallOver }
  | { id: string; type: "queue.changed"; data: QueueChanged }
  | { id: string; type: "phone.registered"; data: PhoneRegistered }
  | { id: string; type: "record.ready"; data: RecordReady }
  | { id: string; type: "supervise.state"; data: SuperviseState }
  | { id: string; type: "chat.line"; data: ChatLine & { name: string } }
  | { id: string; type: "chat.read"; data: ChatRead }
  | { id: string; type: "system.switch"; data: SystemSwitch };

/** A line between a supervisor and an agent (SUP-9). */
export interface ChatLine {
  id: number;
  supervisor_id: number;
  agent_id: number;
  by_agent: boolean;
  text: string;
  at_ms: number;
}

/** Who (`by_agent`) saw the other one's lines, up to which. */
export interface ChatRead {
  supervisor_id: number;
  agent_id: number;
  by_agent: boolean;
  up_to: number;
}

/** A supervisor who wrote to this agent. */
export interface ChatThreadShown {
  supervisor_id: number;
  name: string;
  last_id: number;
  unread: number;
}

/** A call of this agent as `/desk/api/state` gives it. */
export interface CallNow {
  stage: "ringing" | "talking";
  call_id: string;
  leg_id: string;
  queue_id: number;
  queue: string;
  direction: Direction;
  own: boolean;
  dialling: boolean;
  failure: string;
  caller: string;
  called: string;
  route: string;
  path: string[];
  waited_ms: number;
  missed: number;
  offered_ms: number;
  deadline_ms: number;
  auto_answer: boolean;
  /** As of `CallOffered`. */
  endpoint: Endpoint;
  started_ms: number;
  recording: boolean;
  held: boolean;
  muted: boolean;
  consult: Consult | null;
  /** Name of the colleague who asks this agent; empty when the call is this agent's own. */
  asked_by: string;
  /** The colleague's customer talks with both. */
  joined: boolean;
}

export interface ExtensionChoice {
  id: number;
  number: string;
  /** Name of another account that is signed in on it, else empty. */
  holder: string;
  /** A landline or mobile is bound to it. */
  landline: boolean;
  /** Who picks that up presses 1 before the customer is there. */
  press_to_take: boolean;
}

export interface Identity {
  account_id: number;
  login: string;
  name: string;
}

export interface SwitchNow {
  kind: string;
  connected: boolean;
}

/** `GET /desk/api/state`. */
export interface DeskSnapshot {
  now_ms: number;
  /** Stream position the state was read at; events after it are still to be applied. */
  position: string;
  me: Identity;
  switch: SwitchNow;
  extensions: ExtensionChoice[];
  agent: AgentState | null;
  call: CallNow | null;
  words: Words;
}

/** The company's own words. */
export interface Words {
  reasons: BreakReason[];
  dispositions: Disposition[];
}

export interface BreakReason {
  id: number;
  name: string;
  state: string;
}

export interface Disposition {
  id: number;
  name: string;
  /** Key that chooses it, or empty. */
  digit: string;
  needs_note: boolean;
}

/** A wrap-up of this account, draft or saved. */
export interface WrapUp {
  call_id: string;
  number: string;
  queue_id: number;
  disposition_id: number;
  note: string;
  next_call_ms: number;
  revision: number;
  saved: boolean;
  at_ms: number;
}

export const WORK_KINDS = ["missed", "abandoned", "voicemail", "callback", "reminder"] as const;
export type WorkKind = (typeof WORK_KINDS)[number];

/** An entry of the work list. */
export interface WorkEntry {
  kind: WorkKind;
  id: number;
  call_id: string;
  number: string;
  name: string;
  queue: string;
  text: string;
  at_ms: number;
  /** Of a reminder: when. */
  due_ms: number;
  heard: boolean;
  done_by: string;
  /** 0: open. */
  done_ms: number;
  /** A later conversation settled it, nobody's mark. */
  by_call: boolean;
}

/** What opens for a call. */
export interface Pop {
  at: "ring" | "answer";
  /** Empty: the built-in card alone. */
  url: string;
}

/** What agents change of their own extension. */
export interface OwnExtension {
  number: string;
  bound_number: string;
  forward_when_offline: boolean;
  press_to_take: boolean;
  pop_on: "ring" | "answer";
}

/** Whom a customer is handed to. */
export type TransferTo = { kind: "agent" | "queue" | "flow"; id: number } | { kind: "number"; number: string };

/** `GET /desk/api/transfer-targets`. */
export interface TransferTargets {
  agents: { id: number; name: string; extension: string; state: AgentStateName; reachable: boolean }[];
  queues: { id: number; name: string; waiting: number; ready: number }[];
  flows: { id: number; name: string }[];
}

/** `GET /desk/api/credentials`. */
export interface Credentials {
  user: string;
  password: string;
  domain: string;
  /** WebSocket address; empty host part means the page's host. */
  url: string;
}

export interface CustomerCard {
  known: boolean;
  name: string;
  number: string;
  region: string;
  level: string;
  fields: { label: string; value: string }[];
  recent: PastCall[];
}

export interface PastCall {
  call_id: string;
  direction: Direction;
  caller: string;
  name: string;
  queue: string;
  at_ms: number;
  talk_s: number;
  outcome: string;
}

export interface Today {
  answered: number;
  out: number;
  missed: number;
  talk_s: number;
  average_s: number;
  records: PastCall[];
}

/** What a refused request says (core's errors). */
export interface Refusal {
  error: string;
  message: string;
  detail?: Record<string, unknown>;
}
