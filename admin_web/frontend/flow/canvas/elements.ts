// What is handed to Vue Flow: a node is no more than its code, place and size, an arrow its two ends. The boxes read
// the rest from the store, so that typing a name moves nothing here.
import { type Edge, type HandleElement, MarkerType, type Node, Position } from "@vue-flow/core";
import { shallowRef, watch, type ShallowRef } from "vue";
import { EXIT_HEIGHT, NODE_WIDTH, nodeHeight } from "../layout";
import { addersOf } from "../schema";
import type { Editor } from "../store";
import type { FlowNode } from "../types";

const COLOURS: Record<string, string> = { speak: "#2f7fd6", ask: "#8a4fd0", decide: "#c77700", connect: "#2b8a3e", outside: "#0b7285" };

/** The colour of a node in the small map. */
export function groupColour(editor: Editor, code: string): string {
  return COLOURS[editor.typeOf(editor.byCode.value.get(code))?.group ?? ""] ?? "#868e96";
}

export interface FlowElement extends Node {
  height: number;
  /** Vue Flow finds these out for what it renders. Given beforehand, it need not render what is out of sight. */
  computedPosition: { x: number; y: number; z: number };
  dimensions: { width: number; height: number };
  handleBounds: { source: HandleElement[]; target: HandleElement[] };
}

/** Where the style sheet puts the first way out and the way in, and how big a handle is. */
const FIRST_EXIT_Y = 63;
const IN_Y = 30;
const HANDLE = 11;

function handles(editor: Editor, node: FlowNode): FlowElement["handleBounds"] {
  const ids = [...editor.exits(node), ...(editor.readOnly.value ? [] : addersOf(node, editor.typeOf(node)))].map((exit) => exit.field);
  const size = { width: HANDLE, height: HANDLE, nodeId: node.code };
  const top = (index: number): number => FIRST_EXIT_Y + EXIT_HEIGHT * (index + 0.5) - HANDLE / 2;
  return {
    source: ids.map((id, index) => ({ ...size, id, type: "source", position: Position.Right, x: NODE_WIDTH - 5, y: top(index) })),
    target: [{ ...size, id: "in", type: "target", position: Position.Left, x: -5, y: IN_Y - HANDLE / 2 }],
  };
}

export function nodeElements(editor: Editor): FlowElement[] {
  return editor.document.value.nodes.map((node) => {
    const [x, y] = editor.places.value[node.code] ?? [0, 0];
    const size = { width: NODE_WIDTH, height: nodeHeight(node, editor.typeOf(node)) };
    return { id: node.code, type: "flow", position: { x, y }, computedPosition: { x, y, z: 0 }, dimensions: size, handleBounds: handles(editor, node), ...size };
  });
}

export function edgeElements(editor: Editor): Edge[] {
  const found: Edge[] = [];
  for (const node of editor.document.value.nodes) {
    for (const exit of editor.exits(node)) {
      if (!editor.byCode.value.has(exit.target)) continue;
      found.push({
        id: `${node.code}:${exit.field}`,
        source: node.code,
        sourceHandle: exit.field,
        target: exit.target,
        targetHandle: "in",
        markerEnd: MarkerType.ArrowClosed,
        interactionWidth: 16,
      });
    }
  }
  return found;
}

/** Elements that are handed on again only when what `mark` says of them changed. */
export function useElements<T>(make: () => T[], mark: (element: T) => string): ShallowRef<T[]> {
  const first = make();
  const elements = shallowRef(first) as ShallowRef<T[]>;
  let marks = first.map(mark).join("\n");
  watch(make, (next) => {
    const fresh = next.map(mark).join("\n");
    if (fresh === marks) return;
    marks = fresh;
    elements.value = next;
  });
  return elements;
}

/** The rectangle around all nodes; null when there are none. */
export function boundsOf(editor: Editor): { x: number; y: number; width: number; height: number } | null {
  const boxes = nodeElements(editor);
  if (!boxes.length) return null;
  const x = Math.min(...boxes.map((box) => box.position.x));
  const y = Math.min(...boxes.map((box) => box.position.y));
  const right = Math.max(...boxes.map((box) => box.position.x)) + NODE_WIDTH;
  const bottom = Math.max(...boxes.map((box) => box.position.y + box.height));
  return { x, y, width: right - x, height: bottom - y };
}
