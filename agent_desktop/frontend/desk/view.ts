// Small derived things several components show.
import { computed, type ComputedRef } from "vue";
import type { DeskCall } from "./reduce";
import { store } from "./store";

export { callerName } from "./desk";

export function useDeskCall(): ComputedRef<DeskCall | null> {
  return computed(() => store.desk?.call ?? null);
}

/** The caller's name when the customer card of this very number is loaded. */
export function customerName(caller: string): string {
  const card = store.customer?.number === caller ? store.customer.card : null;
  return card?.known ? card.name : "";
}

export function customerRegion(caller: string): string {
  const card = store.customer?.number === caller ? store.customer.card : null;
  return card?.region ?? "";
}
