// The supervisor's page: loads what is, follows what is pushed, and asks the server for what a button says.
import { reactive } from "vue";
import { csrfToken } from "../../../agent_desktop/frontend/api";
import { LiveClient } from "../../../agent_desktop/frontend/live/client";
import type { ChatLine, CustomerCard, LiveEvent } from "../../../agent_desktop/frontend/wire";
import { apply, caughtUp, needsLook, type Snapshot, type Thresholds } from "./model";
import { w } from "./words";

/** A burst of events is one look, and looks are so far apart: each costs the server the sums of the day. */
const LOOK_MS = 300;
const APART_MS = 1000;
/** Events that may have been pushed while an answer was made. */
const PUSHED_KEPT = 500;
const LOOK_AGAIN_MS = 30_000;
const RETRY_MS = 2000;

export type Body = Record<string, string | number | boolean>;

export class Supervision {
  readonly shown = reactive({ state: null as Snapshot | null, nowMs: Date.now(), connected: true, heard: null as ChatLine | null });
  private readonly live: LiveClient;
  private readonly timers: ReturnType<typeof setInterval>[] = [];
  private look: ReturnType<typeof setTimeout> | null = null;
  private lookedMs = 0;
  private pushed: LiveEvent[] = [];
  private offsetMs = 0;
  /** What was asked for and is not answered yet. */
  private readonly asked = new Set<string>();
  private line: Promise<unknown> = Promise.resolve();
  private over = false;

  constructor(accountId: string) {
    this.live = new LiveClient(`zj-live-${accountId}`, {
      onEvent: (event) => {
        this.pushed = [...this.pushed, event].slice(-PUSHED_KEPT);
        if (this.shown.state) this.shown.state = apply(this.shown.state, event);
        if (needsLook(event)) this.lookSoon();
        if (event.type === "chat.line") this.shown.heard = event.data;
      },
      onStatus: (status) => (this.shown.connected = status === "live"),
      onReset: () => void this.begin(),
    });
    this.timers.push(setInterval(() => (this.shown.nowMs = Date.now() + this.offsetMs), 1000));
    this.timers.push(setInterval(() => this.lookSoon(), LOOK_AGAIN_MS));
    void this.begin();
  }

  close(): void {
    this.over = true;
    this.live.close();
    for (const timer of this.timers) clearInterval(timer);
    if (this.look) clearTimeout(this.look);
  }

  /** The answers of an agent were read here. */
  wasRead(agentId: number): void {
    if (this.shown.state) this.shown.state = { ...this.shown.state, unread: { ...this.shown.state.unread, [agentId]: 0 } };
  }

  private async begin(): Promise<void> {
    const position = await this.load();
    if (this.over) return;
    if (position === null) setTimeout(() => void this.begin(), RETRY_MS);
    else this.live.subscribe(position);
  }

  private lookSoon(): void {
    this.look ??= setTimeout(() => {
      this.look = null;
      void this.load();
    }, Math.max(LOOK_MS, this.lookedMs + APART_MS - Date.now()));
  }

  private async load(): Promise<string | null> {
    this.lookedMs = Date.now();
    try {
      const answer = await fetch("/supervision/api/state", { headers: { Accept: "application/json" }, redirect: "manual" });
      if (!answer.ok) return null;
      const state = (await answer.json()) as Snapshot;
      this.offsetMs = state.now_ms - Date.now();
      this.shown.nowMs = state.now_ms;
      this.shown.state = caughtUp(this.shown.state, state, this.pushed);
      return state.position;
    } catch {
      return null;
    }
  }

  /** Ask for an action; what refuses it is said in the corner. Whether it was done. */
  async act(action: string, body: Body = {}): Promise<boolean> {
    return this.post(`/supervision/api/act/${action}`, body);
  }

  async saveThresholds(queueId: number, limits: Thresholds): Promise<boolean> {
    const done = await this.post(`/supervision/api/thresholds/${queueId}`, { ...limits });
    if (done) await this.load();
    return done;
  }

  /** The card of the customer of a call that is up, or the sentence that says why there is none. */
  async customer(callId: string): Promise<CustomerCard | string> {
    try {
      const answer = await fetch(`/supervision/api/customer/${encodeURIComponent(callId)}`, {
        headers: { Accept: "application/json" },
        redirect: "manual",
      });
      if (answer.ok) return (await answer.json()) as CustomerCard;
      const refusal = (await answer.json().catch(() => null)) as { message?: string } | null;
      return refusal?.message ?? w("error.unexpected");
    } catch {
      return w("error.network");
    }
  }

  /** One after another, as they were asked for; what is asked for twice at once is done once. */
  private post(path: string, body: Body): Promise<boolean> {
    const asked = `${path} ${JSON.stringify(body)}`;
    if (this.asked.has(asked)) return Promise.resolve(false);
    this.asked.add(asked);
    const done = this.line.then(() => this.send(path, body)).finally(() => this.asked.delete(asked));
    this.line = done;
    return done;
  }

  private async send(path: string, body: Body): Promise<boolean> {
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
        body: JSON.stringify(body),
        redirect: "manual",
      });
      if (answer.ok) return true;
      const refusal = (await answer.json().catch(() => null)) as { message?: string } | null;
      say(refusal?.message ?? w("error.unexpected"), "danger");
    } catch {
      say(w("error.network"), "danger");
    } finally {
      this.lookSoon();
    }
    return false;
  }
}

export function say(text: string, kind: "danger" | "warning" | "success"): void {
  document.dispatchEvent(new CustomEvent("zj:toast", { detail: { text, kind } }));
}
