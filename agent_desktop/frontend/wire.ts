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

export type Endpoint = "web" | "sip";

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
  registered: boolean;
  queue_ids: number[];
}

export interface CallOffered {
  call_id: string;
  leg_id: string;
  account_id: number;
  queue_id: number;
  queue: string;
  caller: string;
  called: string;
  path: string[];
  waited_ms: number;
  missed: number;
  deadline_ms: number;
  auto_answer: boolean;
}

export interface CallTalking {
  call_id: string;
  leg_id: string;
  account_id: number;
  started_ms: number;
  caller: string;
  queue: string;
  recording: boolean;
}

export interface CallHeld {
  call_id: string;
  leg_id: string;
  account_id: number;
  held: boolean;
}

export interface CallMuted {
  call_id: string;
  leg_id: string;
  account_id: number;
  muted: boolean;
}

export type CallOverReason = "ended" | "missed" | "caller_gone" | "rejected";

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
  | { id: string; type: "call.talking"; data: CallTalking }
  | { id: string; type: "call.held"; data: CallHeld }
  | { id: string; type: "call.muted"; data: CallMuted }
  | { id: string; type: "call.over"; data: CallOver }
  | { id: string; type: "queue.changed"; data: QueueChanged }
  | { id: string; type: "phone.registered"; data: PhoneRegistered }
  | { id: string; type: "record.ready"; data: RecordReady }
  | { id: string; type: "system.switch"; data: SystemSwitch };

/** A call of this agent as `/desk/api/state` gives it. */
export interface CallNow {
  stage: "ringing" | "talking";
  call_id: string;
  leg_id: string;
  queue_id: number;
  queue: string;
  caller: string;
  called: string;
  path: string[];
  waited_ms: number;
  missed: number;
  offered_ms: number;
  deadline_ms: number;
  auto_answer: boolean;
  started_ms: number;
  recording: boolean;
  held: boolean;
  muted: boolean;
}

export interface ExtensionChoice {
  id: number;
  number: string;
  /** Name of another account that is signed in on it, else empty. */
  holder: string;
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
  caller: string;
  name: string;
  queue: string;
  at_ms: number;
  talk_s: number;
  outcome: string;
}

export interface Today {
  answered: number;
  missed: number;
  talk_s: number;
  records: PastCall[];
}

/** What a refused request says (core's errors). */
export interface Refusal {
  error: string;
  message: string;
  detail?: Record<string, unknown>;
}
