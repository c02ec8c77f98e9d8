// A tab's end of the push connection. The caller loads a snapshot, subscribes at its position, and gets every event
// after it; `onReset` asks for a new snapshot and subscription.
import type { LiveEvent } from "../wire";
import { csrfToken } from "../api";
import { type FromHub, LiveHub, type LiveStatus, type ToHub } from "./hub";

export interface LiveListener {
  onEvent(event: LiveEvent): void;
  onStatus(status: LiveStatus): void;
  onReset(): void;
}

export class LiveClient {
  private readonly send: (message: ToHub) => void;
  private told = false;

  /** `name` tells apart the connections of different accounts in one browser. */
  constructor(
    name: string,
    private readonly listener: LiveListener,
  ) {
    this.send = connect(name, (message) => this.receive(message));
    addEventListener("pagehide", () => this.send({ kind: "bye" }));
  }

  subscribe(position: string): void {
    this.send({ kind: "subscribe", position, csrf: csrfToken() });
  }

  /** The page's part that listened is gone. */
  close(): void {
    this.send({ kind: "bye" });
  }

  /** While on, the server is told every 15 s that this agent's desktop is there. */
  setPresent(on: boolean): void {
    if (on === this.told) return;
    this.told = on;
    this.send({ kind: "presence", on });
  }

  private receive(message: FromHub): void {
    if (message.kind === "event") this.listener.onEvent(message.event);
    else if (message.kind === "status") this.listener.onStatus(message.status);
    else if (message.kind === "reset") this.listener.onReset();
    // The shell knows what to show then.
    else if (message.kind === "rights") document.dispatchEvent(new CustomEvent("zj:rights"));
    else if (message.kind === "announcements") document.dispatchEvent(new CustomEvent("zj:announced"));
    else document.dispatchEvent(new CustomEvent("zj:session-over", { detail: { why: message.why } }));
  }
}

function connect(name: string, receive: (message: FromHub) => void): (message: ToHub) => void {
  if (typeof SharedWorker === "undefined") {
    const hub = new LiveHub();
    const subscriber = { send: receive };
    hub.join(subscriber);
    return (message) => hub.receive(subscriber, message);
  }
  const worker = new SharedWorker(new URL("./worker.ts", import.meta.url), { type: "module", name });
  worker.port.onmessage = (message: MessageEvent<FromHub>) => receive(message.data);
  return (message) => worker.port.postMessage(message);
}
