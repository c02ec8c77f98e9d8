// The editor's state: the document with its history, what is selected, what the side panel shows. Every part of the
// page reads this one store; every change goes through `commit`, so everything can be undone.
import { computed, inject, type InjectionKey, nextTick, ref, shallowRef } from "vue";
import * as doc from "./document";
import { History } from "./history";
import { t } from "./i18n";
import { clearOf, NODE_WIDTH, nodeHeight, placesOf, tidy } from "./layout";
import { exitsOf } from "./schema";
import type { Boot, FlowDocument, FlowNode, LiveCounts, NodeType, Position, Problem } from "./types";

export type View = "canvas" | "both" | "outline";
export type Panel = "node" | "flow" | "problems" | "try";

const VIEW_KEY = "zj-flow-view";

export type Editor = ReturnType<typeof createEditor>;
export const editorKey: InjectionKey<Editor> = Symbol("flow editor");

/** The editor this component is part of. */
export function useEditor(): Editor {
  const editor = inject(editorKey);
  if (!editor) throw new Error("no flow editor around this component");
  return editor;
}

function rememberedView(): View {
  const kept = localStorage.getItem(VIEW_KEY);
  return kept === "both" || kept === "outline" ? kept : "canvas";
}

/** The document with a place for every node; that alone is no change that has to be saved. */
function placed(document: FlowDocument, types: doc.Types): FlowDocument {
  return doc.placeNodes(document, placesOf(document, types));
}

/** The state of one editor. */
export function createEditor(boot: Boot) {
  const types: ReadonlyMap<string, NodeType> = new Map(boot.node_types.map((type) => [type.type, type]));
  const history = new History<FlowDocument>(placed(doc.completed(boot.document), types));
  const draft = shallowRef(history.value);
  const undoLabel = ref("");
  const redoLabel = ref("");
  /** An older version that is being looked at instead of the draft. */
  const looking = shallowRef<{ version: number; document: FlowDocument } | null>(null);
  const problems = shallowRef<Problem[]>(boot.problems);
  const live = shallowRef<LiveCounts>({ total: 0, nodes: {}, versions: {} });
  const view = ref<View>(rememberedView());
  const panel = ref<Panel>("node");
  const selected = shallowRef<ReadonlySet<string>>(new Set());
  /** The node whose form is open; also where the keyboard is on the canvas and in the outline. */
  const current = ref(draft.value.entry || (draft.value.nodes[0]?.code ?? ""));
  /** The node the tried call is at. */
  const underWay = ref("");
  const said = ref("");
  /** A field the side panel is asked to put the cursor into. */
  const wanted = shallowRef<{ field: string } | null>(null);

  const document = computed(() => looking.value?.document ?? draft.value);
  const readOnly = computed(() => !boot.rights.edit || looking.value !== null);
  const byCode = computed(() => new Map(document.value.nodes.map((node) => [node.code, node])));
  const places = computed(() => placesOf(document.value, types));
  const currentNode = computed(() => byCode.value.get(current.value));
  const problemsByNode = computed(() => {
    const found = new Map<string, Problem[]>();
    if (!looking.value) for (const each of problems.value) found.set(each.node, [...(found.get(each.node) ?? []), each]);
    return found;
  });
  const errorCount = computed(() => problems.value.filter((each) => each.severity === "error").length);

  function refresh(): void {
    draft.value = history.value;
    undoLabel.value = history.undoLabel;
    redoLabel.value = history.redoLabel;
    if (!byCode.value.has(current.value)) current.value = draft.value.nodes[0]?.code ?? "";
    if ([...selected.value].some((code) => !byCode.value.has(code))) {
      selected.value = new Set([...selected.value].filter((code) => byCode.value.has(code)));
    }
  }

  /** Make `next` the document; `label` names the step for Undo. */
  function commit(next: FlowDocument, label: string, merge = ""): void {
    if (readOnly.value) return;
    if (history.push(next, label, performance.now(), merge)) refresh();
  }

  function say(text: string): void {
    said.value = "";
    void nextTick(() => (said.value = text));
  }

  function undo(): void {
    const label = history.undoLabel;
    if (readOnly.value || !history.undo()) return;
    refresh();
    say(t("said.undone", { what: label }));
  }

  function redo(): void {
    const label = history.redoLabel;
    if (readOnly.value || !history.redo()) return;
    refresh();
    say(t("said.redone", { what: label }));
  }

  const nameOf = (code: string): string => byCode.value.get(code)?.name || code;
  const typeOf = (node: FlowNode | undefined): NodeType | undefined => (node ? types.get(node.type) : undefined);

  /** Open the node's form and make it the only one selected. */
  function open(code: string, show: Panel | null = "node"): void {
    if (!byCode.value.has(code)) return;
    current.value = code;
    selected.value = new Set([code]);
    if (show) panel.value = show;
  }

  /** Open the node's form and put the cursor into `field`. */
  function visit(code: string, field = "name"): void {
    open(code);
    wanted.value = { field };
  }

  /** The same for a field of the flow itself. */
  function visitFlow(field: string): void {
    panel.value = "flow";
    wanted.value = { field };
  }

  function edit(code: string, path: doc.Path, value: unknown): void {
    commit(doc.editNode(draft.value, code, path, value), t("step.edit", { node: nameOf(code) }), `${code}:${doc.dotted(path)}`);
  }

  function editFlow(path: doc.Path, value: unknown): void {
    commit(doc.withValue(draft.value, path, value), t("step.flow"), doc.dotted(path));
  }

  /** Where a new node stands: right of the node it follows, or below all. */
  function placeFor(type: NodeType, after: string): Position {
    const blank = { ...type.blank, type: type.type, code: "", name: "" };
    const all = places.value;
    const from = all[after] ?? Object.values(all).at(-1);
    const wanted: Position = from ? [from[0] + NODE_WIDTH + 96, from[1]] : [0, 0];
    return clearOf(draft.value, types, all, wanted, nodeHeight(blank, type));
  }

  /** Add a node after `after`; `from` is a way out that leads to it, `as` the flow's field that does, `at` its place. Returns its code. */
  function add(typeName: string, options: { after?: string; from?: { code: string; field: string }; as?: "entry" | "fallback"; at?: Position; name?: string } = {}): string {
    const type = types.get(typeName);
    if (!type || readOnly.value) return "";
    const after = options.from?.code ?? options.after ?? current.value;
    const at = options.at ?? placeFor(type, after);
    const before = doc.placeNodes(draft.value, places.value);
    const added = doc.addNode(before, type, options.name?.trim() || type.label, { after, at });
    const connected = options.from ? doc.connect(added.document, types, options.from.code, options.from.field, added.code) : added.document;
    const next = options.as ? { ...connected, [options.as]: added.code } : connected;
    commit(next, t("step.add", { node: nodeName(next, added.code) }));
    if (!options.from) open(added.code);
    say(t("said.added", { node: nameOf(added.code) }));
    return added.code;
  }

  const nodeName = (within: FlowDocument, code: string): string => doc.nodeOf(within, code)?.name || code;

  function remove(codes: ReadonlySet<string>): void {
    const gone = [...codes].filter((code) => byCode.value.has(code));
    if (!gone.length || readOnly.value) return;
    const names = gone.map(nameOf).join(", ");
    const index = draft.value.nodes.findIndex((node) => node.code === gone[0]);
    commit(doc.removeNodes(draft.value, types, new Set(gone)), t("step.delete", { node: names }));
    const near = draft.value.nodes[Math.min(index, draft.value.nodes.length - 1)];
    selected.value = new Set(near ? [near.code] : []);
    if (near) current.value = near.code;
    say(t("said.deleted", { node: names }));
  }

  function connect(code: string, field: string, target: string): void {
    commit(doc.connect(draft.value, types, code, field, target), t("step.connect", { node: nameOf(code) }));
    say(target ? t("said.connected", { from: nameOf(code), to: nameOf(target) }) : t("said.disconnected", { from: nameOf(code) }));
  }

  function setType(code: string, to: string): void {
    const type = types.get(to);
    if (type) commit(doc.changeType(draft.value, types, code, type), t("step.type", { node: nameOf(code) }));
  }

  function reorder(code: string, by: number): void {
    commit(doc.moveNode(draft.value, code, by), t("step.move", { node: nameOf(code) }));
  }

  function sort(): void {
    commit(doc.sortNodes(draft.value, types), t("step.sort"));
    say(t("said.sorted"));
  }

  function place(moved: Record<string, Position>, merge = ""): void {
    commit(doc.placeNodes(draft.value, { ...places.value, ...moved }), t("step.place"), merge);
  }

  function tidyUp(): void {
    commit(doc.placeNodes(draft.value, tidy(draft.value, types)), t("step.tidy"));
    say(t("said.tidied"));
  }

  function paste(copied: doc.Clip, shift?: Position): string[] {
    if (readOnly.value) return [];
    const pasted = doc.paste(doc.placeNodes(draft.value, places.value), types, copied, shift);
    if (!pasted.codes.length) return [];
    commit(pasted.document, t("step.paste"));
    selected.value = new Set(pasted.codes);
    current.value = pasted.codes[0] ?? current.value;
    say(t("said.pasted", { count: pasted.codes.length }));
    return pasted.codes;
  }

  /** What Copy takes: the selected nodes, with their places. */
  const clip = (): doc.Clip => doc.clip({ ...document.value, layout: places.value }, selected.value);

  function duplicate(): void {
    paste(clip());
  }

  /** Take the server's document over; what was here can be got back by Undo. */
  function replace(next: Partial<FlowDocument>, label: string): void {
    commit(placed(doc.completed(next), types), label);
  }

  function show(next: View): void {
    view.value = next;
    localStorage.setItem(VIEW_KEY, next);
  }

  const exits = (node: FlowNode) => exitsOf(node, types.get(node.type));

  return {
    boot, types, draft, document, looking, readOnly, problems, problemsByNode, errorCount, live, view, panel, selected, current, currentNode,
    underWay, said, wanted, undoLabel, redoLabel, byCode, places, nameOf, typeOf, exits,
    commit, say, undo, redo, open, visit, visitFlow, edit, editFlow, add, remove, connect, setType, reorder, sort, place, tidyUp, paste, clip, duplicate, replace, show,
  };
}
