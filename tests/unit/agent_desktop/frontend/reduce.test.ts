import { describe, expect, it } from "vitest";
import { apply, type DeskState, fromSnapshot, isAfter, talkAndHold } from "../../../../agent_desktop/frontend/desk/reduce";
import type { CallOffered, DeskSnapshot, LiveEvent } from "../../../../agent_desktop/frontend/wire";

const ME = 7;

function snapshot(changes: Partial<DeskSnapshot> = {}): DeskSnapshot {
  return {
    now_ms: 1000,
    position: "1000-0",
    me: { account_id: ME, login: "anna", name: "Anna" },
    switch: { kind: "freeswitch", connected: true },
    extensions: [],
    agent: null,
    call: null,
    words: { reasons: [], dispositions: [] },
    ...changes,
  };
}

const offered: CallOffered = {
  call_id: "c1",
  leg_id: "l1",
  account_id: ME,
  queue_id: 3,
  queue: "Sales",
  direction: "in",
  own: false,
  caller: "+8613800138000",
  called: "4008001000",
  route: "main",
  path: ["Main"],
  waited_ms: 4000,
  missed: 1,
  deadline_ms: 26_000,
  auto_answer: false,
};

function play(state: DeskState, ...events: [number, LiveEvent["type"], object][]): DeskState {
  return events.reduce((now, [ms, type, data]) => apply(now, { id: `${ms}-0`, type, data } as LiveEvent), state);
}

const leg = { call_id: "c1", leg_id: "l1", account_id: ME };
const talking = { ...leg, started_ms: 3000, direction: "in", caller: offered.caller, called: offered.called, queue: "Sales", recording: true };

describe("a call as the pushed events tell it", () => {
  it("rings, is talked on, held, muted and over", () => {
    let state = play(fromSnapshot(snapshot()), [2000, "call.offered", offered]);
    expect(state.call).toMatchObject({ stage: "ringing", queue: "Sales", offeredMs: 2000, missedBefore: 1, route: "main" });
    state = play(state, [3000, "call.talking", talking]);
    expect(state.call).toMatchObject({ stage: "talking", startedMs: 3000, recording: true, path: ["Main"] });
    state = play(state, [5000, "call.held", { ...leg, held: true }], [6000, "call.muted", { ...leg, muted: true }]);
    expect(state.call).toMatchObject({ held: true, muted: true });
    expect(talkAndHold(state.call!, 8000)).toEqual({ talkMs: 2000, holdMs: 3000 });
    state = play(state, [9000, "call.held", { ...leg, held: false }]);
    expect(talkAndHold(state.call!, 10_000)).toEqual({ talkMs: 3000, holdMs: 4000 });
    state = play(state, [12_000, "call.over", { ...leg, why: "ended", cause: "NORMAL_CLEARING" }]);
    expect(state.call).toBeNull();
    expect(state.past[0]).toMatchObject({ stage: "over", why: "ended", heldMs: 4000 });
    expect(talkAndHold(state.past[0]!, 99_000)).toEqual({ talkMs: 5000, holdMs: 4000 });
  });

  it("shows whom the agent asks, and why they were not reached", () => {
    const to = { kind: "agent", id: 8, name: "Bert", number: "" };
    const up = play(
      fromSnapshot(snapshot()),
      [2000, "call.offered", offered],
      [3000, "call.talking", talking],
      [4000, "call.held", { ...leg, held: true }],
      [4001, "call.consulting", { ...leg, state: "dialling", to, cause: "" }],
    );
    expect(up.call?.consult).toEqual({ state: "dialling", to, cause: "" });
    const busy = play(up, [5000, "call.consulting", { ...leg, state: "over", to, cause: "USER_BUSY" }]);
    expect(busy.call?.consult).toMatchObject({ state: "over", cause: "USER_BUSY" });
    expect(play(busy, [6000, "call.held", { ...leg, held: false }]).call?.consult).toBeNull();
    const over = play(up, [5000, "call.consulting", { ...leg, state: "over", to, cause: "NORMAL_CLEARING" }]);
    expect(over.call).toMatchObject({ consult: null, held: true });
  });

  it("shows a three-way talk to both agents", () => {
    const to = { kind: "agent", id: 8, name: "Bert", number: "" };
    const asking = play(
      fromSnapshot(snapshot()),
      [2000, "call.offered", offered],
      [3000, "call.talking", talking],
      [4000, "call.held", { ...leg, held: true }],
      [4001, "call.consulting", { ...leg, state: "talking", to, cause: "" }],
      [5000, "call.held", { ...leg, held: false }],
      [5001, "call.consulting", { ...leg, state: "conference", to, cause: "" }],
    );
    expect(asking.call).toMatchObject({ held: false, consult: { state: "conference", to } });
    expect(play(asking, [6000, "call.consulting", { ...leg, state: "over", to, cause: "" }]).call?.consult).toBeNull();
    const asked = play(
      fromSnapshot(snapshot()),
      [2000, "call.offered", { ...offered, asked_by: "Anna" }],
      [3000, "call.talking", { ...talking, asked_by: "Anna" }],
      [4000, "call.joined", { ...leg }],
    );
    expect(asked.call).toMatchObject({ askedBy: "Anna", joined: true });
    const handed = play(asked, [5000, "call.talking", { ...talking }]);
    expect(handed.call).toMatchObject({ askedBy: "", joined: false });
  });

  it("counts a hold that was never ended until the call's end", () => {
    const state = play(
      fromSnapshot(snapshot()),
      [2000, "call.offered", offered],
      [3000, "call.talking", talking],
      [5000, "call.held", { ...leg, held: true }],
      [8000, "call.over", { ...leg, why: "caller_gone", cause: "" }],
    );
    expect(talkAndHold(state.past[0]!, 99_000)).toEqual({ talkMs: 2000, holdMs: 3000 });
  });

  it("can begin in the middle", () => {
    const state = play(fromSnapshot(snapshot()), [3000, "call.talking", talking]);
    expect(state.call).toMatchObject({ stage: "talking", caller: offered.caller });
  });

  it("ends with its own leg only", () => {
    const state = play(
      fromSnapshot(snapshot()),
      [2000, "call.offered", offered],
      [2500, "call.over", { ...leg, leg_id: "l0", why: "missed", cause: "" }],
    );
    expect(state.call?.legId).toBe("l1");
    expect(state.past).toEqual([]);
  });
});

describe("a call the agent dialled", () => {
  const dialled = { ...offered, direction: "out", own: true, caller: "+861012345678", called: "+8613900139000", queue: "", queue_id: 0, auto_answer: true };

  it("shows the called party as the other one, from ringing to its end", () => {
    let state = play(fromSnapshot(snapshot()), [2000, "call.offered", dialled]);
    expect(state.call).toMatchObject({ direction: "out", own: true, caller: "+8613900139000", called: "+861012345678", dialling: false });
    state = play(state, [3000, "call.dialling", { ...leg, direction: "out", called: dialled.called }]);
    expect(state.call).toMatchObject({ stage: "ringing", dialling: true });
    state = play(state, [9000, "call.talking", { ...talking, ...dialled, started_ms: 9000 }]);
    expect(state.call).toMatchObject({ stage: "talking", caller: "+8613900139000" });
  });

  it("says why nobody was reached until the tone is over", () => {
    let state = play(
      fromSnapshot(snapshot()),
      [2000, "call.offered", dialled],
      [3000, "call.dialling", { ...leg, direction: "out", called: dialled.called }],
      [5000, "call.failed", { ...leg, direction: "out", called: dialled.called, cause: "USER_BUSY" }],
    );
    expect(state.call).toMatchObject({ stage: "ringing", failure: "USER_BUSY" });
    state = play(state, [8000, "call.over", { ...leg, why: "ended", cause: "USER_BUSY" }]);
    expect(state.call).toBeNull();
  });
});

describe("a record that was written", () => {
  it("of this agent's call changes figures and lists, of one missed here the work list", () => {
    const rang = play(fromSnapshot(snapshot()), [2000, "call.offered", offered], [3000, "call.over", { ...leg, why: "missed" }]);
    const mine = play(rang, [4000, "record.ready", { record_id: 5, call_id: "c8", account_id: ME, state: "final" }]);
    expect([mine.recordId, mine.missedRecordId]).toEqual([5, 0]);
    const missed = play(rang, [4000, "record.ready", { record_id: 6, call_id: "c1", account_id: 0, state: "final" }]);
    expect([missed.recordId, missed.missedRecordId]).toEqual([0, 6]);
  });
});

describe("what does not concern this desk", () => {
  it("is passed by: other agents, and what the snapshot already has", () => {
    const start = fromSnapshot(snapshot());
    expect(play(start, [2000, "call.offered", { ...offered, account_id: 8 }]).call).toBeNull();
    expect(apply(start, { id: "1000-0", type: "call.offered", data: offered })).toBe(start);
    expect(apply(start, { id: "999-5", type: "call.offered", data: offered })).toBe(start);
  });

  it("is passed by: records of calls that rang elsewhere or were taken by a colleague", () => {
    const rang = play(fromSnapshot(snapshot()), [2000, "call.offered", offered], [3000, "call.over", { ...leg, why: "missed" }]);
    const elsewhere = play(rang, [4000, "record.ready", { record_id: 5, call_id: "c9", account_id: 0, state: "final" }]);
    const taken = play(rang, [4000, "record.ready", { record_id: 5, call_id: "c1", account_id: 8, state: "final" }]);
    for (const state of [elsewhere, taken]) expect(state).toEqual({ ...rang, position: "4000-0" });
  });

  it("still moves the position on", () => {
    expect(play(fromSnapshot(snapshot()), [2000, "call.offered", { ...offered, account_id: 8 }]).position).toBe("2000-0");
  });
});

describe("the agent", () => {
  const agent = {
    account_id: ME,
    name: "Anna",
    extension_id: 1,
    extension: "8001",
    endpoint: "web",
    state: "ready",
    since_ms: 1,
    reason: "",
    next_state: "",
    registered: false,
    queue_ids: [],
  };

  it("is signed out by the event that says so", () => {
    const state = play(fromSnapshot(snapshot()), [2000, "agent.state", agent]);
    expect(state.agent?.state).toBe("ready");
    expect(play(state, [3000, "agent.state", { ...agent, state: "signed_out" }]).agent).toBeNull();
  });

  it("takes registrations of the endpoint in use only", () => {
    const state = play(fromSnapshot(snapshot()), [2000, "agent.state", agent]);
    const said = { account_id: ME, registered: true };
    expect(play(state, [3000, "phone.registered", { ...said, endpoint: "sip" }]).agent?.registered).toBe(false);
    expect(play(state, [3000, "phone.registered", { ...said, endpoint: "web" }]).agent?.registered).toBe(true);
  });
});

describe("a call a colleague dialled and hands over", () => {
  it("is no call of one's own: it is answered like any other (DSK-3, DSK-5)", () => {
    const handed = { ...offered, direction: "out", caller: "+861012345678", called: "+8613900139000", queue_id: 0, queue: "" };
    const state = play(fromSnapshot(snapshot()), [2000, "call.offered", handed]);
    expect(state.call).toMatchObject({ direction: "out", own: false, autoAnswer: false, caller: "+8613900139000" });
  });
});

describe("a fresh snapshot after a gap", () => {
  const call = {
    ...offered,
    stage: "talking" as const,
    offered_ms: 2000,
    started_ms: 3000,
    recording: true,
    held: false,
    muted: false,
  };

  it("keeps what only the page knew of the same call", () => {
    const before = play(
      fromSnapshot(snapshot()),
      [2000, "call.offered", offered],
      [3000, "call.talking", talking],
      [4000, "call.held", { ...leg, held: true }],
      [5000, "call.held", { ...leg, held: false }],
      [5500, "call.muted", { ...leg, muted: true }],
    );
    expect(fromSnapshot(snapshot({ position: "9000-0", call }), before).call).toMatchObject({ heldMs: 1000, muted: true });
  });

  it("retires a call that ended meanwhile", () => {
    const before = play(fromSnapshot(snapshot()), [2000, "call.offered", offered]);
    const after = fromSnapshot(snapshot({ position: "9000-0", now_ms: 9000 }), before);
    expect(after.call).toBeNull();
    expect(after.past[0]).toMatchObject({ callId: "c1", overMs: 9000 });
  });
});

it("orders stream positions by time, then sequence", () => {
  expect(isAfter("10-0", "9-9")).toBe(true);
  expect(isAfter("9-10", "9-9")).toBe(true);
  expect(isAfter("9-9", "9-9")).toBe(false);
  expect(isAfter("1-0", "")).toBe(true);
});
