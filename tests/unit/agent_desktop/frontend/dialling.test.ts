import { describe, expect, it } from "vitest";
import { dialObstacle, ringsElsewhere } from "../../../../agent_desktop/frontend/desk/dialling";
import type { AgentStateName } from "../../../../agent_desktop/frontend/wire";

describe("calling out", () => {
  it("needs a working state, whether or not queue calls are taken", () => {
    const states: AgentStateName[] = ["ready", "not_ready", "break", "away", "talking", "ringing", "wrap_up", "not_responding"];
    const free = states.filter((state) => dialObstacle({ state, registered: true }) === null);
    expect(free).toEqual(["ready", "not_ready"]);
    expect(dialObstacle({ state: "break", registered: false })).toBe("state");
  });

  it("needs a phone that is connected", () => {
    expect(dialObstacle({ state: "ready", registered: false })).toBe("phone");
  });
});

it("the browser's phone is answered in the tab that has it, others anywhere", () => {
  const asked = [ringsElsewhere("web", "elsewhere"), ringsElsewhere("web", "here"), ringsElsewhere("sip", "elsewhere")];
  expect(asked).toEqual([true, false, false]);
});
