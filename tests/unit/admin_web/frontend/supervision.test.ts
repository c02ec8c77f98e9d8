import { describe, expect, it } from "vitest";
import { type CallNow, caughtUp, otherNumber, type Row, rows, type Snapshot, WITH_CUSTOMER } from "../../../../admin_web/frontend/supervision/model";
import type { AgentState, LiveEvent } from "../../../../agent_desktop/frontend/wire";

const anna = { account_id: 7, name: "Anna", extension_id: 1, state: "ready", since_ms: 1 } as unknown as AgentState;

function snapshot(position: string, agents: AgentState[] = [anna]): Snapshot {
  return {
    position,
    now_ms: 1,
    me: { account_id: 1, may_act: true, may_see_customers: true, may_chat: true },
    unread: {},
    queues: [],
    extensions: [],
    agents,
    calls: [],
    watches: [],
  };
}

function turned(id: string, state: string): LiveEvent {
  return { id, type: "agent.state", data: { ...anna, state } } as LiveEvent;
}

describe("an answer that comes after events", () => {
  it("does not undo what was pushed while it was made", () => {
    const pushed = [turned("900-0", "break"), turned("1100-0", "talking")];
    const now = caughtUp(snapshot("500-0"), snapshot("1000-0"), pushed);
    expect(now.agents.map((each) => each.state)).toEqual(["talking"]);
    expect(now.position).toBe("1000-0");
  });

  it("is left out when a newer one is shown already", () => {
    const newer = snapshot("2000-0", []);
    expect(caughtUp(newer, snapshot("1000-0"), [])).toBe(newer);
    expect(caughtUp(null, snapshot("1000-0"), []).agents).toEqual([anna]);
  });
});

describe("what an extension's row says of its agent's call", () => {
  const call = { id: "c1", phase: "talking", agent_id: 7, talk_started_ms: 5, caller: "+86138" };

  function row(agent: Partial<AgentState>, changes: Partial<CallNow> = {}): Row {
    const state = snapshot("1-0", [{ ...anna, ...agent } as AgentState]);
    return rows({ ...state, extensions: [{ id: 1, number: "801", queue_ids: [] }], calls: [{ ...call, ...changes }] }, [])[0]!;
  }

  it("tells talking, on hold, asking and three-way apart", () => {
    const told = ([{}, { held: true }, { held: true, consult: "dialling" }, { held: true, consult: "conference" }] as const).map(
      (each) => row({ state: "talking" }, each).call,
    );
    expect(told).toEqual(["talking", "held", "asking", "three_way"]);
    expect(told.every((each) => WITH_CUSTOMER.includes(each))).toBe(true);
  });

  it("tells a supervisor at a talk from somebody who records a voice", () => {
    expect(row({ state: "reserved", reason: "" }).call).toBe("listening");
    expect(row({ state: "reserved", reason: "voice" }).call).toBe("recording");
  });
});

describe("whose number a call shows", () => {
  it("the customer's, also of a call that an agent dialled and handed over", () => {
    const call: CallNow = { id: "c", phase: "waiting", caller: "+861012345678", called: "+8613900139000" };
    expect(otherNumber({ ...call, direction: "out" })).toBe("+8613900139000");
    expect(otherNumber({ ...call, direction: "in" })).toBe("+861012345678");
    expect(otherNumber(undefined)).toBe("");
  });
});
