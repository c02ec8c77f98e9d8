// A computed list that stays the same object while its items say the same: with hundreds of boxes on the page, only
// those are drawn again that show something else.
import { computed, type ComputedRef } from "vue";

type Plain = Record<string, unknown>;

const same = (one: Plain, other: Plain): boolean => {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
};

/** `make()` as a computed value; items are compared field by field, one level deep. */
export function stable<T extends object>(make: () => T[]): ComputedRef<T[]> {
  return computed<T[]>((before) => {
    const next = make();
    const kept = before?.length === next.length && next.every((item, index) => same(item as Plain, before[index] as Plain));
    return kept && before ? before : next;
  });
}
