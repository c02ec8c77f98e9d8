// What every field needs: its node, its place in it, and how to change it.
import { computed, type ComputedRef } from "vue";
import { dotted, type Path, valueAt } from "../document";
import { useEditor } from "../store";
import type { Field, FlowNode, Problem } from "../types";

export interface FieldProps {
  field: Field;
  path: Path;
  node: FlowNode;
}

/** The id of the control at `path`, for labels and descriptions. */
export const idOf = (node: FlowNode, path: Path): string => `zf-${node.code}-${path.join("-").replace(/[^\w-]/g, "_")}`;

/** A field's value and how to change it, at its path in the node. */
export function useField(props: FieldProps) {
  const editor = useEditor();
  const name = computed(() => dotted(props.path));
  const id = computed(() => idOf(props.node, props.path));
  const value = computed(() => valueAt(props.node, props.path));
  const set = (next: unknown, below: Path = []): void => editor.edit(props.node.code, [...props.path, ...below], next);
  return { editor, name, id, value, set, disabled: editor.readOnly };
}

/** Problems of the node at `field`, and (unless `exact`) at its parts. */
export function useProblems(node: () => FlowNode, field: () => string, exact: () => boolean = () => false): ComputedRef<Problem[]> {
  const editor = useEditor();
  return computed(() => {
    const all = editor.problemsByNode.value.get(node().code) ?? [];
    return all.filter((each) => each.field === field() || (!exact() && each.field.startsWith(`${field()}.`)));
  });
}
