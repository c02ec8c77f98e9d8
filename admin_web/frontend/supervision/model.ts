// What the supervisor's page knows, as values, and what follows from it. Pure. Shapes are those of
// admin_web/supervision/state.py; times are milliseconds, UTC.
import { isAfter } from "../../../agent_desktop/frontend/desk/reduce";
import type { AgentState, LiveEvent, SuperviseState } from "../../../agent_desktop/frontend/wire";

export interface Thresholds {
  wait_amber_s: number;
  wait_red_s: number;
  waiting_amber: number;
  waiting_red: number;
  level_amber: number;
  level_red: number;
}

export interface QueueNow {
  id: number;
  name: string;
  service_level_s: number;
  thresholds: Thresholds;
  today: {
    offered: number;
    answered: number;
    service_level: number | null;
    answer_speed_s: number | null;
    abandonment: number | null;
  };
}

export interface CallNow {
  id: string;
  phase: string;
  direction?: string;
  caller?: string;
  called?: string;
  queue_id?: number;
  queue_order?: number;
  queue_entered_ms?: number;
  arrived_ms?: number;
  agent_id?: number;
  talk_started_ms?: number;
  held?: boolean;
  /** How far asking somebody is, while the agent does. */
  consult?: "parting" | "dialling" | "talking" | "conference" | "over";
  missed?: number;
  route_code?: string;
}

export interface Snapshot {
  position: string;
  now_ms: number;
  me: { account_id: number; may_act: boolean; may_see_customers: boolean; may_chat: boolean };
  queues: QueueNow[];
  extensions: { id: number; number: string; queue_ids: number[] }[];
  agents: AgentState[];
  /** Names of the company's break reasons by id, as agents' states hold them. */
  reasons?: Record<string, string>;
  calls: CallNow[];
  watches: SuperviseState[];
  /** Answers of agents that were not read, by the agent's account. */
  unread: Record<string, number>;
}

export type CallState = "idle" | "ringing" | "talking" | "held" | "asking" | "three_way" | "listening" | "recording";

/** In these the agent has a customer. */
export const WITH_CUSTOMER: readonly CallState[] = ["talking", "held", "asking", "three_way"];

export interface Row {
  extensionId: number;
  number: string;
  agent: AgentState | null;
  call: CallState;
  callSinceMs: number;
  /** The other party's number. */
  with: string;
  /** The conversation; empty: none. */
  callId: string;
  watch: SuperviseState | null;
}

export type Mark = "" | "amber" | "red";

export interface Card {
  queue: QueueNow;
  waiting: number;
  longestSinceMs: number;
  ready: number;
  busy: number;
  away: number;
}

/** Reason of an agent who is reserved while a voice is recorded at their phone. */
const VOICE = "voice";
const WAITS = ["waiting", "offering"];
const BUSY = ["ringing", "talking", "reserved", "wrap_up"];

/** What one pushed event changes at once; the rest comes with the next snapshot. */
export function apply(state: Snapshot, event: LiveEvent): Snapshot {
  if (event.type === "agent.state") {
    const others = state.agents.filter((each) => each.account_id !== event.data.account_id);
    return { ...state, agents: event.data.state === "signed_out" ? others : [...others, event.data] };
  }
  if (event.type === "supervise.state") {
    const others = state.watches.filter((each) => each.account_id !== event.data.account_id);
    return { ...state, watches: event.data.state === "over" ? others : [...others, event.data] };
  }
  return state;
}

/** The newer of what is shown and an answer, with the events that were pushed after it was made. */
export function caughtUp(shown: Snapshot | null, answer: Snapshot, pushed: readonly LiveEvent[]): Snapshot {
  if (shown && isAfter(shown.position, answer.position)) return shown;
  return pushed.filter((each) => isAfter(each.id, answer.position)).reduce(apply, answer);
}

/** Whether a fresh snapshot is needed to show what the event tells. */
export function needsLook(event: LiveEvent): boolean {
  return event.type.startsWith("call.") || event.type.startsWith("chat.") || event.type.startsWith("queue.") || event.type === "record.ready";
}

export function inQueues(queueIds: readonly number[], chosen: readonly number[]): boolean {
  return chosen.length === 0 || queueIds.some((each) => chosen.includes(each));
}

/** One row an extension of the chosen queues (none chosen: all), in the order of their numbers. */
export function rows(state: Snapshot, chosen: readonly number[]): Row[] {
  return state.extensions
    .filter((each) => inQueues(each.queue_ids, chosen))
    .map((each) => row(state, each.id, each.number));
}

function row(state: Snapshot, extensionId: number, number: string): Row {
  const agent = state.agents.find((each) => each.extension_id === extensionId) ?? null;
  const call = agent ? state.calls.find((each) => each.agent_id === agent.account_id && each.phase === "talking") : undefined;
  const watch = agent ? (state.watches.find((each) => each.agent_id === agent.account_id) ?? null) : null;
  const kind: CallState = !agent ? "idle" : callState(agent, call);
  const since = kind === "talking" && call?.talk_started_ms ? call.talk_started_ms : (agent?.since_ms ?? 0);
  return { extensionId, number, agent, call: kind, callSinceMs: since, with: otherNumber(call), callId: call?.id ?? "", watch };
}

function callState(agent: AgentState, call: CallNow | undefined): CallState {
  if (agent.state === "ringing") return "ringing";
  if (agent.state === "reserved") return agent.reason === VOICE ? "recording" : "listening";
  if (agent.state !== "talking") return "idle";
  if (call?.consult === "conference") return "three_way";
  if (call?.consult) return "asking";
  return call?.held ? "held" : "talking";
}

/** The number of whoever is on a call and is not the company's: who called, or whom an agent dialled. */
export function otherNumber(call: CallNow | undefined): string {
  return (call?.direction === "out" ? call.called : call?.caller) ?? "";
}

/** Calls that wait in the chosen queues, first come first. */
export function waitingCalls(state: Snapshot, chosen: readonly number[]): CallNow[] {
  return state.calls
    .filter((each) => WAITS.includes(each.phase) && each.queue_id && inQueues([each.queue_id], chosen))
    .sort((a, b) => (a.queue_order ?? 0) - (b.queue_order ?? 0));
}

export function cards(state: Snapshot, chosen: readonly number[]): Card[] {
  return state.queues
    .filter((each) => inQueues([each.id], chosen))
    .map((queue) => {
      const since = waitingCalls(state, [queue.id]).map((each) => each.queue_entered_ms ?? 0);
      const agents = state.agents.filter((each) => each.queue_ids.includes(queue.id));
      const ready = agents.filter((each) => each.state === "ready").length;
      const busy = agents.filter((each) => BUSY.includes(each.state)).length;
      const longestSinceMs = since.length > 0 ? Math.min(...since) : 0;
      return { queue, waiting: since.length, longestSinceMs, ready, busy, away: agents.length - ready - busy };
    });
}

function above(value: number, amber: number, red: number): Mark {
  if (red > 0 && value >= red) return "red";
  return amber > 0 && value >= amber ? "amber" : "";
}

export interface Marks {
  wait: Mark;
  waiting: Mark;
  level: Mark;
}

/** How each figure of a queue stands to its thresholds. Of the service level less is worse. */
export function marks(card: Card, nowMs: number): Marks {
  const limits = card.queue.thresholds;
  const waitS = card.longestSinceMs ? (nowMs - card.longestSinceMs) / 1000 : 0;
  const level = card.queue.today.service_level;
  let levelMark: Mark = "";
  if (level !== null && level * 100 < limits.level_red) levelMark = "red";
  else if (level !== null && level * 100 < limits.level_amber) levelMark = "amber";
  return {
    wait: above(waitS, limits.wait_amber_s, limits.wait_red_s),
    waiting: above(card.waiting, limits.waiting_amber, limits.waiting_red),
    level: levelMark,
  };
}

export function worst(all: Marks): Mark {
  const values = Object.values(all) as Mark[];
  if (values.includes("red")) return "red";
  return values.includes("amber") ? "amber" : "";
}

export function percent(share: number | null): string {
  return share === null ? "–" : `${Math.round(share * 100)} %`;
}
