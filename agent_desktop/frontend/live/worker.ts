// The SharedWorker: one hub, one port per tab.
import { type FromHub, LiveHub, type ToHub } from "./hub";

const hub = new LiveHub();

(self as unknown as SharedWorkerGlobalScope).onconnect = (event: MessageEvent) => {
  const port = event.ports[0];
  if (!port) return;
  const subscriber = { send: (message: FromHub) => port.postMessage(message) };
  hub.join(subscriber);
  port.onmessage = (message: MessageEvent<ToHub>) => hub.receive(subscriber, message.data);
};
