// A list in the document: rows added, removed, put in another order.
import { computed, nextTick, useTemplateRef } from "vue";
import { moved, useReorder } from "../parts/reorder";
import { type FieldProps, useField } from "./context";

/** The rows of the list at a field's path, and what can be done to them. */
export function useRows<Row>(props: FieldProps) {
  const field = useField(props);
  const holder = useTemplateRef<HTMLElement>("holder");
  const rows = computed(() => (field.value.value ?? []) as Row[]);
  const move = (from: number, to: number): void => field.set(moved(rows.value, from, to));
  const order = useReorder(move, () => rows.value.length);

  function focusRow(index: number): void {
    void nextTick(() => {
      const row = holder.value?.querySelectorAll<HTMLElement>(":scope > [data-row]")[index];
      const first = row?.querySelector<HTMLElement>("[data-field]:not([tabindex='-1'])") ?? holder.value?.querySelector<HTMLElement>(".zf-add");
      first?.focus();
    });
  }

  function add(row: Row): void {
    const index = rows.value.length;
    field.set([...rows.value, row]);
    focusRow(index);
  }

  function remove(index: number): void {
    const left = rows.value.length - 1;
    field.set(rows.value.filter((_, at) => at !== index));
    focusRow(Math.min(index, left - 1));
  }

  return { ...field, rows, move, order, add, remove };
}
