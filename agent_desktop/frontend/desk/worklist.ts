// What of the work list is shown. Pure.
import { WORK_KINDS, type WorkEntry, type WorkKind } from "../wire";

export type WorkFilter = WorkKind | "all";

export const FILTERS: readonly WorkFilter[] = ["all", ...WORK_KINDS];

export function chosen(entries: readonly WorkEntry[], filter: WorkFilter, withDone: boolean): WorkEntry[] {
  return entries.filter((each) => (filter === "all" || each.kind === filter) && (withDone || !each.done_ms));
}

/** How many are open, by filter. */
export function counts(entries: readonly WorkEntry[]): Record<WorkFilter, number> {
  const open = entries.filter((each) => !each.done_ms);
  const found = Object.fromEntries(FILTERS.map((each) => [each, 0])) as Record<WorkFilter, number>;
  found.all = open.length;
  for (const each of open) found[each.kind] += 1;
  return found;
}
