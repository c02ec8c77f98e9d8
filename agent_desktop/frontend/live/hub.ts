// One push connection for all tabs of a browser: runs in a SharedWorker, or in the page where there is none. Keeps the
// last events, so that a tab that comes later joins at its snapshot's position without a connection of its own.
import { isAfter } from "../desk/reduce";
import type { LiveEvent } from "../wire";

/** In words in the top bar: `live.<status>`. */
export type LiveStatus = "connecting" | "live" | "lost" | "signed_out";

export type ToHub =
  | { kind: "subscribe"; position: string; csrf: string }
  | { kind: "presence"; on: boolean }
  | { kind: "bye" };

export type FromHub = { kind: "status"; status: LiveStatus } | { kind: "event"; event: LiveEvent } | { kind: "reset" } | SessionNews;

/** The session is over (and why, an error's id), or the account's rights changed. */
export type SessionNews = { kind: "over"; why: string } | { kind: "rights" } | { kind: "announcements" };

export interface Subscriber {
  send(message: FromHub): void;
}

const TYPES: readonly LiveEvent["type"][] = [
  "agent.state",
  "call.offered",
  "call.dialling",
  "call.failed",
  "call.talking",
  "call.held",
  "call.muted",
  "call.consulting",
  "call.joined",
  "call.over",
  "queue.changed",
  "phone.registered",
  "record.ready",
  "system.switch",
  "supervise.state",
  "chat.line",
  "chat.read",
];
const KEPT = 500;
/** docs/contracts.md: the desktop's heartbeat. */
const PRESENCE_MS = 15_000;
/** The server sends a comment every 15 s; a stream that dies without an error is found by asking the server. */
const PROBE_MS = 30_000;
const RETRY_MS = [500, 1000, 2000, 5000];

export class LiveHub {
  private readonly subscribers = new Map<Subscriber, { subscribed: boolean; present: boolean }>();
  private recent: LiveEvent[] = [];
  /** Every event after this position is in `recent`. */
  private coveredFrom = "";
  private last = "";
  private source: EventSource | null = null;
  private status: LiveStatus = "connecting";
  private csrf = "";
  private readonly page = crypto.randomUUID();
  private tries = 0;
  private retryTimer: ReturnType<typeof setTimeout> | null = null;

  constructor() {
    setInterval(() => void this.beat(), PRESENCE_MS);
    setInterval(() => void this.probe(), PROBE_MS);
  }

  join(subscriber: Subscriber): void {
    this.subscribers.set(subscriber, { subscribed: false, present: false });
    subscriber.send({ kind: "status", status: this.status });
  }

  receive(subscriber: Subscriber, message: ToHub): void {
    const entry = this.subscribers.get(subscriber);
    if (!entry) return;
    switch (message.kind) {
      case "bye":
        this.subscribers.delete(subscriber);
        if (this.subscribers.size === 0) this.close();
        return;
      case "presence":
        entry.present = message.on;
        if (message.on) void this.beat();
        return;
      case "subscribe":
        this.csrf = message.csrf;
        entry.subscribed = true;
        this.subscribe(subscriber, message.position);
    }
  }

  private subscribe(subscriber: Subscriber, position: string): void {
    if (!this.source && this.retryTimer === null) {
      this.coveredFrom = position;
      this.last = position;
      this.recent = [];
      this.connect();
      return;
    }
    if (isAfter(this.coveredFrom, position) && this.coveredFrom !== position) {
      subscriber.send({ kind: "reset" });
      return;
    }
    for (const event of this.recent) if (isAfter(event.id, position)) subscriber.send({ kind: "event", event });
  }

  private connect(): void {
    this.retryTimer = null;
    this.close();
    const source = new EventSource(`/live/stream?after=${encodeURIComponent(this.last)}`);
    this.source = source;
    source.onopen = () => {
      this.tries = 0;
      this.say("live");
    };
    source.onerror = () => {
      if (this.source !== source) return;
      this.say("lost");
      // The browser's own reconnection waits for seconds and gives up on some answers; ours does neither.
      this.close();
      void this.probe().then((signedIn) => {
        if (signedIn) this.retryLater();
      });
    };
    for (const type of TYPES) source.addEventListener(type, (message) => this.onEvent(type, message));
    source.addEventListener("reset", () => this.onReset());
    source.addEventListener("rights", () => this.broadcast({ kind: "rights" }));
    source.addEventListener("announcements", () => this.broadcast({ kind: "announcements" }));
    source.addEventListener("over", (message) => this.onOver((JSON.parse(message.data) as { why: string }).why));
  }

  private retryLater(): void {
    if (this.retryTimer !== null || this.source) return;
    const waitMs = RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)] ?? 5000;
    this.tries += 1;
    this.retryTimer = setTimeout(() => this.connect(), waitMs);
  }

  private onEvent(type: LiveEvent["type"], message: MessageEvent<string>): void {
    const event = { id: message.lastEventId, type, data: JSON.parse(message.data) } as LiveEvent;
    this.last = event.id;
    this.recent.push(event);
    while (this.recent.length > KEPT) this.coveredFrom = this.recent.shift()?.id ?? this.coveredFrom;
    this.broadcast({ kind: "event", event });
  }

  /** The server no longer has what we missed: every tab loads a snapshot, and the first one back starts the stream anew. */
  private onReset(): void {
    this.close();
    this.recent = [];
    for (const [subscriber, entry] of this.subscribers) {
      if (entry.subscribed) subscriber.send({ kind: "reset" });
    }
  }

  private onOver(why: string): void {
    this.close();
    this.say("signed_out");
    this.broadcast({ kind: "over", why });
  }

  private async beat(): Promise<void> {
    const present = [...this.subscribers.values()].filter((entry) => entry.present);
    if (present.length === 0 || !this.csrf) return;
    // Who is signed in on an extension waits for calls: that is work, and does not idle out (ACC-1).
    await fetch("/desk/api/presence", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrf },
      body: JSON.stringify({ page: this.page }),
      signal: AbortSignal.timeout(PRESENCE_MS),
    }).catch(() => undefined);
  }

  /** Ask whether the session still is one; false when the person is signed out. */
  private async probe(): Promise<boolean> {
    if (this.status === "live" && this.source?.readyState === EventSource.OPEN) return true;
    const answer = await fetch("/live/snapshot", {
      headers: { Accept: "application/json" },
      redirect: "manual",
      signal: AbortSignal.timeout(5000),
    }).catch(() => null);
    if (answer && (answer.status === 401 || answer.type === "opaqueredirect")) {
      const told = answer.status === 401 ? ((await answer.json()) as { error: string }) : { error: "session-over" };
      this.onOver(told.error);
      return false;
    }
    return true;
  }

  private close(): void {
    this.source?.close();
    this.source = null;
  }

  private say(status: LiveStatus): void {
    if (status === this.status) return;
    this.status = status;
    this.broadcast({ kind: "status", status });
  }

  private broadcast(message: FromHub): void {
    for (const [subscriber, entry] of this.subscribers) {
      if (entry.subscribed || message.kind === "status") subscriber.send(message);
    }
  }
}
