import { expect, it } from "vitest";
import { Line } from "../../../../agent_desktop/frontend/desk/line";
import type { DeskCall } from "../../../../agent_desktop/frontend/desk/reduce";
import { SimulatedPhone } from "../../../../agent_desktop/frontend/phone/simulated";

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
