// Whether an agent can call out now, as the controller decides it (cti.controller.dialling), or answer here. Pure.
import type { Holding } from "../phone/holder";
import type { AgentState } from "../wire";

/** What stands in the way: the agent's state, or the phone that is away. */
export type DialObstacle = "state" | "phone";

/** Whether what rings on `endpoint` can be answered in another tab alone, which has the browser's phone. */
export function ringsElsewhere(endpoint: string, holding: Holding): boolean {
  return endpoint === "web" && holding === "elsewhere";
}

const WORKING: readonly string[] = ["ready", "not_ready"];

export function dialObstacle(agent: Pick<AgentState, "state" | "registered">): DialObstacle | null {
  if (!WORKING.includes(agent.state)) return "state";
  return agent.registered ? null : "phone";
}

/** What a number that is called consists of, in the order of a telephone's keys. */
export const DIAL_KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "+", "0"] as const;
