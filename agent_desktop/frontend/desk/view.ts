// Small derived things several components show.
import { computed, type ComputedRef } from "vue";
import { isMasked } from "../format";
import type { CustomerCard } from "../wire";
import type { DeskCall } from "./reduce";
import { store } from "./store";

export { callerName, endpointOf } from "./desk";

export function useDeskCall(): ComputedRef<DeskCall | null> {
  return computed(() => store.desk?.call ?? null);
}

/** The caller's name when the customer card of this very number (or, where it is masked, of this call) is loaded. */
export function customerName(call: DeskCall): string {
  const card = cardOf(call);
  return card?.known ? card.name : "";
}

export function customerRegion(call: DeskCall): string {
  return cardOf(call)?.region ?? "";
}

function cardOf(call: DeskCall): CustomerCard | null {
  const shown = store.customer;
  if (shown?.number !== call.caller) return null;
  return isMasked(call.caller) && shown.callId !== call.callId ? null : shown.card;
}
