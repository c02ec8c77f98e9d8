// What the desk's components show. Written by `Desk` only.
import { reactive } from "vue";
import type { LiveStatus } from "../live/hub";
import type { Holding } from "../phone/holder";
import type { PhoneProblem, Registration } from "../phone/softphone";
import type { CustomerCard, Today } from "../wire";
import type { DeskState } from "./reduce";

export interface DeskStore {
  desk: DeskState | null;
  live: LiveStatus;
  holding: Holding;
  registration: Registration;
  problem: PhoneProblem | null;
  retryAtMs: number;
  /** Legs this page carries sound for (or would, on the simulator). */
  phoneLegs: string[];
  /** Names of actions under way; their buttons wait. */
  busy: string[];
  /** Keys sent per leg. */
  keys: Record<string, string>;
  customer: { number: string; card: CustomerCard | null; failed: boolean } | null;
  today: Today | null;
  /** The server's clock now, in milliseconds; ticks while something shown depends on it. */
  nowMs: number;
}

export const store: DeskStore = reactive<DeskStore>({
  desk: null,
  live: "connecting",
  holding: "asking",
  registration: "off",
  problem: null,
  retryAtMs: 0,
  phoneLegs: [],
  busy: [],
  keys: {},
  customer: null,
  today: null,
  nowMs: Date.now(),
});
