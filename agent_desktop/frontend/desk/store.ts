// What the desk's components show. Written by `Desk` only.
import { reactive } from "vue";
import type { LiveStatus } from "../live/hub";
import type { Holding } from "../phone/holder";
import type { PhoneProblem, Registration } from "../phone/softphone";
import type { CustomerCard, Today, WorkEntry } from "../wire";
import type { PopTab } from "./pops";
import type { WrapUpForm } from "./wrapups";
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
  /** Of `number`, or where that is masked of the other party of call `callId`. */
  customer: { number: string; callId: string; card: CustomerCard | null; failed: boolean } | null;
  today: Today | null;
  /** The work list; null until it is known. */
  work: WorkEntry[] | null;
  /** Open wrap-up forms, the oldest first, and the call of the one that is shown. */
  forms: WrapUpForm[];
  shownForm: string;
  /** Pages of other systems that are open, and the call of the one that is shown; empty: the built-in card. */
  pops: PopTab[];
  shownPop: string;
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
  work: null,
  forms: [],
  shownForm: "",
  pops: [],
  shownPop: "",
  nowMs: Date.now(),
});
