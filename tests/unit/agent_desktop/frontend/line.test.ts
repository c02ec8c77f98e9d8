import { afterEach, expect, it, vi } from "vitest";
import { Line } from "../../../../agent_desktop/frontend/desk/line";
import type { DeskCall } from "../../../../agent_desktop/frontend/desk/reduce";
import { SimulatedPhone } from "../../../../agent_desktop/frontend/phone/simulated";
import type { IncomingLeg, PhoneListener, SoftPhone } from "../../../../agent_desktop/frontend/phone/softphone";

const OFFERED = { callId: "c", legId: "leg-1", stage: "ringing", autoAnswer: true, caller: "", muted: false } as DeskCall;

/** A line whose server answers with `answer`; says how often it was asked, and what went wrong. */
async function lineTo(answer: () => Promise<void>): Promise<{ line: Line; asked: string[]; problems: unknown[] }> {
  const asked: string[] = [];
  const problems: unknown[] = [];
  const nothing = (): Promise<void> => Promise.resolve();
  const line = new Line({ onPhone: () => undefined, onSessions: () => undefined, onProblem: (error) => problems.push(error) });
  const phone = new SimulatedPhone({
    register: nothing,
    unregister: nothing,
    answer: (legId) => (asked.push(legId), answer()),
    hangup: nothing,
    sendDigits: nothing,
  });
  await line.use("simulated", () => Promise.resolve(phone));
  return { line, asked, problems };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

it("a leg that answers by itself is answered once, however often it is pushed", async () => {
  const { line, asked, problems } = await lineTo(() => Promise.resolve());
  line.follow(OFFERED);
  line.follow({ ...OFFERED });
  await settled();
  line.follow({ ...OFFERED });
  expect(asked).toEqual(["leg-1"]);
  line.follow({ ...OFFERED, legId: "leg-2" });
  expect(asked).toEqual(["leg-1", "leg-2"]);
  expect(problems).toEqual([]);
  await line.use("", () => Promise.reject(new Error("no phone")));
});

it("an answer that failed is said, and tried again with the next push", async () => {
  const { line, asked, problems } = await lineTo(() => Promise.reject(new Error("no such leg")));
  line.follow(OFFERED);
  await settled();
  expect([asked.length, problems.length]).toEqual([1, 1]);
  line.follow({ ...OFFERED });
  expect(asked.length).toBe(2);
  await settled();
  await line.use("", () => Promise.reject(new Error("no phone")));
});

afterEach(() => void vi.useRealTimers());

/** A phone whose switch rings legs that say by themselves that they want to be answered. */
async function ringing(): Promise<{ line: Line; ring: (leg: IncomingLeg) => void; answered: string[] }> {
  const answered: string[] = [];
  const legs: IncomingLeg[] = [];
  let tell: PhoneListener = () => undefined;
  const nothing = (): void => undefined;
  const phone: SoftPhone = {
    kind: "sip",
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    answer: (key) => (answered.push(key), Promise.resolve()),
    hangup: nothing,
    release: nothing,
    mute: nothing,
    sendDigits: () => Promise.resolve(),
    retryNow: nothing,
    sessions: () => legs,
    listen: (listener) => ((tell = listener), nothing),
  };
  const line = new Line({ onPhone: nothing, onSessions: nothing, onProblem: nothing });
  await line.use("sip", () => Promise.resolve(phone));
  return { line, answered, ring: (leg) => (legs.push(leg), tell({ kind: "incoming", leg })) };
}

it("who is asked from a leg that answered by itself is rung: what the server says of the call decides", async () => {
  vi.useFakeTimers();
  const leg = { key: "k", legId: "leg-1", caller: "8001", autoAnswer: true };
  const told = await ringing();
  told.line.follow({ ...OFFERED, autoAnswer: false });
  told.ring(leg);
  const before = await ringing();
  before.ring(leg);
  before.line.follow({ ...OFFERED, autoAnswer: false });
  await vi.advanceTimersByTimeAsync(1000);
  expect([told.answered, before.answered]).toEqual([[], []]);
});

it("a leg that is no customer's call, as a supervisor's own, is answered as it asks", async () => {
  vi.useFakeTimers();
  const { ring, answered } = await ringing();
  ring({ key: "k", legId: "leg-9", caller: "", autoAnswer: true });
  await vi.advanceTimersByTimeAsync(1000);
  expect(answered).toEqual(["k"]);
});
