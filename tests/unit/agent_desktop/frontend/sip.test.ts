import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { SipPhone } from "../../../../agent_desktop/frontend/phone/sip";
import type { PhoneEvent } from "../../../../agent_desktop/frontend/phone/softphone";

const made = vi.hoisted(() => ({ handlers: new Map<string, (event: unknown) => void>() }));

vi.mock("jssip", () => ({
  WebSocketInterface: class {},
  UA: class {
    on(name: string, handler: (event: unknown) => void): void {
      made.handlers.set(name, handler);
    }
    start(): void {}
    stop(): void {}
    isConnected(): boolean {
      return false;
    }
  },
}));

/** A session of the SIP stack that notes goodbyes. */
class Rtc {
  readonly id = "key-1";
  readonly remote_identity = { uri: { user: "13800138000" } };
  goodbyes = 0;
  answers = 0;
  ended = false;
  on(): void {}
  isEnded(): boolean {
    return this.ended;
  }
  isInProgress(): boolean {
    return true;
  }
  answer(): void {
    this.answers += 1;
  }
  terminate(): void {
    this.goodbyes += 1;
    this.ended = true;
  }
}

let opened: (stream: MediaStream) => void;
const track = { stop: vi.fn() };
const stream = { getTracks: () => [track] } as unknown as MediaStream;

beforeEach(() => {
  vi.useFakeTimers();
  track.stop.mockClear();
  const getUserMedia = vi.fn(() => new Promise<MediaStream>((resolve) => (opened = resolve)));
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia, enumerateDevices: () => Promise.resolve([]) } });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A phone at which a leg rings. */
async function ringing(): Promise<{ phone: SipPhone; rtc: Rtc; told: PhoneEvent["kind"][] }> {
  const phone = new SipPhone({ user: "u", password: "p", domain: "d", url: "ws://d" });
  const told: PhoneEvent["kind"][] = [];
  phone.listen((event) => told.push(event.kind));
  const started = phone.start();
  await vi.advanceTimersByTimeAsync(0);
  opened(stream);
  await started;
  const rtc = new Rtc();
  made.handlers.get("newRTCSession")?.({ originator: "remote", session: rtc, request: { getHeader: () => "leg-1" } });
  return { phone, rtc, told };
}

it("a leg the server says is over is the switch's to end: the page's goodbye would end the customer's too", async () => {
  const { phone, rtc, told } = await ringing();
  phone.release("key-1");
  expect(told.at(-1)).toBe("ended");
  expect(phone.sessions()).toEqual([]);
  await vi.advanceTimersByTimeAsync(4000);
  expect(rtc.goodbyes).toBe(0);
  rtc.ended = true;
  await vi.advanceTimersByTimeAsync(4000);
  expect(rtc.goodbyes).toBe(0);
});

it("whose goodbye was lost is ended from here after a while", async () => {
  const { phone, rtc } = await ringing();
  phone.release("key-1");
  await vi.advanceTimersByTimeAsync(6000);
  expect(rtc.goodbyes).toBe(1);
});

it("a hang-up from here is said at once", async () => {
  const { phone, rtc } = await ringing();
  phone.hangup("key-1");
  expect(rtc.goodbyes).toBe(1);
});

it("a leg that was over before the microphone opened is not answered", async () => {
  const { phone, rtc } = await ringing();
  const answered = phone.answer("key-1");
  await vi.advanceTimersByTimeAsync(0);
  phone.release("key-1");
  track.stop.mockClear();
  opened(stream);
  await answered;
  expect(rtc.answers).toBe(0);
  expect(track.stop).toHaveBeenCalledTimes(1);
});
