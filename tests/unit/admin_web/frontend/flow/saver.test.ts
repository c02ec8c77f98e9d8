import { describe, expect, test } from "vitest";
import { PAUSE_MS, Saver, type SaveAnswer, type SaveState } from "../../../../../admin_web/frontend/flow/saver";

/** A saver with a clock by hand and a server that answers when told to. */
function bench() {
  const states: SaveState[] = [];
  const timers: { job: () => void; ms: number; off: boolean }[] = [];
  const sent: { document: string; revision: number; answer: (answer: SaveAnswer<number>) => Promise<void> }[] = [];
  const settle = async (): Promise<void> => { for (let turn = 0; turn < 8; turn += 1) await Promise.resolve(); };
  const saver = new Saver<string, number>("start", 1, {
    send: (document, revision) =>
      new Promise((resolve) => {
        sent.push({ document, revision, answer: async (answer) => { resolve(answer); await settle(); } });
      }),
    later(job, ms) {
      const timer = { job, ms, off: false };
      timers.push(timer);
      return () => (timer.off = true);
    },
    changed: (state) => states.push(state),
  });
  const waiting = () => timers.filter((timer) => !timer.off);
  async function pass(): Promise<void> {
    const due = waiting();
    for (const timer of due) { timer.off = true; timer.job(); }
    await settle();
  }
  return { saver, states, sent, waiting, pass, settle };
}

describe("saving by itself", () => {
  test("waits for a pause, then sends the last of what was typed, once", async () => {
    const { saver, sent, waiting, pass } = bench();
    saver.want("a");
    saver.want("ab");
    expect(waiting().map((timer) => timer.ms)).toEqual([PAUSE_MS]);
    await pass();
    expect(sent.map((each) => [each.document, each.revision])).toEqual([["ab", 1]]);
    await sent[0]?.answer({ kind: "saved", revision: 2 });
    expect([saver.state, saver.isSaved, saver.revision]).toEqual(["saved", true, 2]);
  });

  test("never sends two at once: what changed meanwhile goes after, with the new revision", async () => {
    const { saver, sent, pass } = bench();
    saver.want("a");
    await pass();
    saver.want("b");
    expect(sent).toHaveLength(1);
    await sent[0]?.answer({ kind: "saved", revision: 2 });
    expect([saver.state, saver.isSaved]).toEqual(["changed", false]);
    await pass();
    expect([sent[1]?.document, sent[1]?.revision]).toEqual(["b", 2]);
  });

  test("a change taken back before it was sent is not sent", async () => {
    const { saver, sent, waiting } = bench();
    saver.want("a");
    saver.want("start");
    expect([saver.state, waiting().length, sent.length]).toEqual(["saved", 0, 0]);
  });

  test("without a connection it says so and tries again, later each time, and at once when it is back", async () => {
    const { saver, states, sent, waiting, pass, settle } = bench();
    saver.want("a");
    await pass();
    await sent[0]?.answer({ kind: "unreachable" });
    expect([saver.state, waiting()[0]?.ms]).toEqual(["offline", 2000]);
    await pass();
    await sent[1]?.answer({ kind: "unreachable" });
    expect(waiting()[0]?.ms).toBe(4000);
    saver.want("ab");
    expect(waiting()[0]?.ms).toBe(4000);
    saver.retry();
    await settle();
    expect(sent[2]?.document).toBe("ab");
    await sent[2]?.answer({ kind: "saved", revision: 2 });
    expect(saver.isSaved).toBe(true);
    expect(states).toEqual(["changed", "saving", "offline", "saving", "offline", "saving", "saved"]);
  });

  test("a conflict stops saving until somebody decides", async () => {
    const { saver, sent, waiting, pass, settle } = bench();
    saver.want("mine");
    await pass();
    await sent[0]?.answer({ kind: "conflict" });
    saver.want("mine too");
    expect([saver.state, waiting().length]).toEqual(["conflict", 0]);
    expect(await saver.flush()).toBe(false);
    const done = saver.overwrite(7);
    await settle();
    expect([sent[1]?.document, sent[1]?.revision]).toEqual(["mine too", 7]);
    await sent[1]?.answer({ kind: "saved", revision: 8 });
    expect(await done).toBe(true);
  });

  test("taking the other version begins again from it", async () => {
    const { saver, sent, pass } = bench();
    saver.want("mine");
    await pass();
    await sent[0]?.answer({ kind: "conflict" });
    saver.reset("theirs", 5);
    expect([saver.state, saver.isSaved, saver.revision]).toEqual(["saved", true, 5]);
  });

  test("saving at once waits for what is under way and saves the rest", async () => {
    const { saver, sent, pass, settle } = bench();
    saver.want("a");
    await pass();
    saver.want("b");
    const done = saver.flush();
    await sent[0]?.answer({ kind: "saved", revision: 2 });
    await settle();
    await sent[1]?.answer({ kind: "saved", revision: 3 });
    expect([await done, sent[1]?.document, saver.revision]).toEqual([true, "b", 3]);
  });
});
