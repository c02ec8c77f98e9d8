// Changes of a flow document as pure functions: each returns a new document that shares what it did not touch,
// so that undoing is keeping the old one and nodes that stayed the same stay the same object.
import { blankRow, exitsOf, mapTargets, MENU_KEYS, renameInNode, usesVariable } from "./schema";
import type { FlowDocument, FlowNode, FlowVariable, NodeType, Position } from "./types";

export type Types = ReadonlyMap<string, NodeType>;
export type Path = readonly (string | number)[];

/** What is copied: nodes with their places. */
export interface Clip {
  kind: "zongji-flow-nodes";
  nodes: FlowNode[];
  layout: Record<string, Position>;
}

/** `path` as the server writes it in a problem's field. */
export const dotted = (path: Path): string => path.join(".");

/** A dotted field as a path: whole numbers are indexes of lists. */
export function pathOf(field: string, within: unknown): Path {
  let here = within;
  return field.split(".").map((part) => {
    const step = Array.isArray(here) ? Number(part) : part;
    here = (here as Record<string | number, unknown> | undefined)?.[step];
    return step;
  });
}

/** The value at `path`, or undefined. */
export function valueAt(within: unknown, path: Path): unknown {
  return path.reduce<unknown>((here, step) => (here as Record<string | number, unknown> | undefined)?.[step], within);
}

/** A copy of `within` with `value` at `path`; only what lies on the path is copied. */
export function withValue<T>(within: T, path: Path, value: unknown): T {
  const [step, ...rest] = path;
  if (step === undefined) return value as T;
  const copy = (Array.isArray(within) ? [...within] : { ...within }) as Record<string | number, unknown>;
  copy[step] = withValue(copy[step] ?? (typeof rest[0] === "number" ? [] : {}), rest, value);
  return copy as T;
}

/** A document as the editor needs it: whatever a sparse one leaves out is there. */
export function completed(document: Partial<FlowDocument>): FlowDocument {
  return { name: "", entry: "", fallback: "", variables: [], nodes: [], layout: {}, ...document };
}

export function nodeOf(document: FlowDocument, code: string): FlowNode | undefined {
  return document.nodes.find((node) => node.code === code);
}

function mapNodes(document: FlowDocument, change: (node: FlowNode) => FlowNode): FlowDocument {
  const nodes = document.nodes.map(change);
  return nodes.some((node, index) => node !== document.nodes[index]) ? { ...document, nodes } : document;
}

/** Put `value` at `path` of the node `code`. */
export function editNode(document: FlowDocument, code: string, path: Path, value: unknown): FlowDocument {
  return mapNodes(document, (node) => (node.code === code ? withValue(node, path, value) : node));
}

/** A code no node of the document has, beginning with the type's name. */
export function freeCode(document: FlowDocument, type: string, taken: ReadonlySet<string> = new Set()): string {
  const used = new Set(document.nodes.map((node) => node.code));
  for (let number = 1; ; number += 1) {
    const code = `${type}${number}`;
    if (!used.has(code) && !taken.has(code)) return code;
  }
}

/** A name no node of the document has: `wanted`, or with the next number after it. */
export function freeName(document: FlowDocument, wanted: string): string {
  const used = new Set(document.nodes.map((node) => node.name));
  if (!used.has(wanted)) return wanted;
  const stem = wanted.replace(/ \d+$/, "");
  for (let number = 2; ; number += 1) if (!used.has(`${stem} ${number}`)) return `${stem} ${number}`;
}

/** Add a node of `type`, after the node `after` or at the end. The first node of a flow is where calls enter. */
export function addNode(
  document: FlowDocument,
  type: NodeType,
  name: string,
  options: { after?: string; at?: Position } = {},
): { document: FlowDocument; code: string } {
  const code = freeCode(document, type.type);
  const node: FlowNode = { ...structuredClone(type.blank), type: type.type, code, name: freeName(document, name) };
  const nodes = [...document.nodes];
  const place = nodes.findIndex((each) => each.code === options.after);
  nodes.splice(place < 0 ? nodes.length : place + 1, 0, node);
  const layout = options.at ? { ...document.layout, [code]: rounded(options.at) } : document.layout;
  return { document: { ...document, nodes, layout, entry: document.entry || code }, code };
}

/** Lead the way out `field` of the node `code` to `target`. `keys.+` and `rules.+` add the next key or row. */
export function connect(document: FlowDocument, types: Types, code: string, field: string, target: string): FlowDocument {
  return mapNodes(document, (node) => (node.code === code ? leadTo(node, types.get(node.type), field, target) : node));
}

function leadTo(node: FlowNode, type: NodeType | undefined, field: string, target: string): FlowNode {
  if (!field.endsWith(".+")) return withValue(node, pathOf(field, node), target);
  const name = field.slice(0, -2);
  const known = type?.fields.find((each) => each.name === name);
  if (known?.kind === "key_nodes") {
    const table = (node[name] ?? {}) as Record<string, string>;
    const free = MENU_KEYS.find((key) => !(key in table));
    return free === undefined ? node : { ...node, [name]: { ...table, [free]: target } };
  }
  const leads = known?.of?.find((part) => part.kind === "node");
  if (!known || !leads) return node;
  return { ...node, [name]: [...((node[name] ?? []) as unknown[]), { ...blankRow(known), [leads.name]: target }] };
}

/** Remove nodes; what led to them leads nowhere. */
export function removeNodes(document: FlowDocument, types: Types, codes: ReadonlySet<string>): FlowDocument {
  const gone = (target: string): string => (codes.has(target) ? "" : target);
  const nodes = document.nodes
    .filter((node) => !codes.has(node.code))
    .map((node) => mapTargets(node, types.get(node.type), gone));
  const layout = Object.fromEntries(Object.entries(document.layout).filter(([code]) => !codes.has(code)));
  return { ...document, nodes, layout, entry: gone(document.entry), fallback: gone(document.fallback) };
}

/** Make the node `code` one of another type; code and name stay, and so does what both types have under one name. */
export function changeType(document: FlowDocument, types: Types, code: string, to: NodeType): FlowDocument {
  return mapNodes(document, (node) => {
    if (node.code !== code || node.type === to.type) return node;
    const kinds = new Map(types.get(node.type)?.fields.map((field) => [field.name, field.kind]));
    const kept = to.fields.filter((field) => kinds.get(field.name) === field.kind).map((field) => [field.name, node[field.name]]);
    const common = node.type_ahead === undefined ? {} : { type_ahead: node.type_ahead };
    return { ...structuredClone(to.blank), ...common, ...Object.fromEntries(kept), type: to.type, code, name: node.name };
  });
}

/** Put the node `code` `by` places further down (or up, when negative) the list. */
export function moveNode(document: FlowDocument, code: string, by: number): FlowDocument {
  const from = document.nodes.findIndex((node) => node.code === code);
  const to = Math.min(Math.max(from + by, 0), document.nodes.length - 1);
  if (from < 0 || from === to) return document;
  const nodes = [...document.nodes];
  nodes.splice(to, 0, ...nodes.splice(from, 1));
  return { ...document, nodes };
}

/** Codes in the order calls can meet them: from the entry along the ways out, then what no way leads to. */
export function callOrder(document: FlowDocument, types: Types): string[] {
  const byCode = new Map(document.nodes.map((node) => [node.code, node]));
  const met = new Set<string>();
  const starts = [document.entry, document.fallback, ...document.nodes.map((node) => node.code)];
  for (const start of starts) {
    const ahead = [start];
    while (ahead.length) {
      const code = ahead.pop() as string;
      const node = byCode.get(code);
      if (!node || met.has(code)) continue;
      met.add(code);
      const targets = exitsOf(node, types.get(node.type)).map((exit) => exit.target);
      ahead.push(...targets.reverse());
    }
  }
  return [...met];
}

/** List the nodes in call order. */
export function sortNodes(document: FlowDocument, types: Types): FlowDocument {
  const place = new Map(callOrder(document, types).map((code, index) => [code, index]));
  const nodes = [...document.nodes].sort((one, other) => (place.get(one.code) ?? 0) - (place.get(other.code) ?? 0));
  return { ...document, nodes };
}

const rounded = ([x, y]: Position): Position => [Math.round(x), Math.round(y)];

/** Keep where nodes stand. */
export function placeNodes(document: FlowDocument, places: Record<string, Position>): FlowDocument {
  const moved = Object.entries(places).map(([code, place]) => [code, rounded(place)] as const);
  return { ...document, layout: { ...document.layout, ...Object.fromEntries(moved) } };
}

/** What is copied of a document. */
export function clip(document: FlowDocument, codes: ReadonlySet<string>): Clip {
  const nodes = document.nodes.filter((node) => codes.has(node.code));
  const layout = Object.fromEntries(Object.entries(document.layout).filter(([code]) => codes.has(code)));
  return { kind: "zongji-flow-nodes", nodes, layout };
}

/** Read what was copied, perhaps from another flow's editor; null when it is something else. */
export function readClip(text: string): Clip | null {
  try {
    const read = JSON.parse(text) as Partial<Clip> | null;
    const good = read?.kind === "zongji-flow-nodes" && Array.isArray(read.nodes) && typeof read.layout === "object";
    return good && read.nodes?.every((node) => typeof node?.type === "string" && typeof node.code === "string") ? (read as Clip) : null;
  } catch {
    return null;
  }
}

/**
 * Add copies of the clip's nodes, `shift` away from where they stood. Ways between them lead to the copies; ways to
 * nodes the document has stay; others lead nowhere. Types this platform does not have are left out.
 */
export function paste(document: FlowDocument, types: Types, copied: Clip, shift: Position = [40, 40]): { document: FlowDocument; codes: string[] } {
  const known = copied.nodes.filter((node) => types.has(node.type));
  const codes = new Map<string, string>();
  for (const node of known) codes.set(node.code, freeCode(document, node.type, new Set(codes.values())));
  const here = new Set(document.nodes.map((node) => node.code));
  const target = (code: string): string => codes.get(code) ?? (here.has(code) ? code : "");
  let result = document;
  for (const node of known) {
    const code = codes.get(node.code) as string;
    const copy = { ...structuredClone(mapTargets(node, types.get(node.type), target)), code, name: freeName(result, node.name) };
    const place = copied.layout[node.code];
    const layout = place ? { ...result.layout, [code]: rounded([place[0] + shift[0], place[1] + shift[1]]) } : result.layout;
    result = { ...result, nodes: [...result.nodes, copy], layout };
  }
  return { document: result, codes: [...codes.values()] };
}

/** Add a variable with a name that is free. */
export function addVariable(document: FlowDocument): FlowDocument {
  const used = new Set(document.variables.map((variable) => variable.name));
  let number = 1;
  while (used.has(`var${number}`)) number += 1;
  const fresh: FlowVariable = { name: `var${number}`, description: "", initial: "" };
  return { ...document, variables: [...document.variables, fresh] };
}

/** Call the flow's variable at `index` `name`, also wherever it is used. */
export function renameVariable(document: FlowDocument, types: Types, index: number, name: string): FlowDocument {
  const before = document.variables[index]?.name;
  if (before === undefined || before === name) return document;
  const renamed = withValue(document, ["variables", index, "name"], name);
  // Two variables of one name are a mistake to be shown, not one to be spread: uses stay with the other.
  const shared = document.variables.some((variable, at) => at !== index && (variable.name === before || variable.name === name));
  if (!before || !name || shared) return renamed;
  return mapNodes(renamed, (node) => renameInNode(node, types.get(node.type), before, name));
}

/** The nodes that use the flow's variable `name`. */
export function usersOf(document: FlowDocument, types: Types, name: string): FlowNode[] {
  return name ? document.nodes.filter((node) => usesVariable(node, types.get(node.type), name)) : [];
}

/** Take the variable at `index` away. */
export function removeVariable(document: FlowDocument, index: number): FlowDocument {
  return { ...document, variables: document.variables.filter((_, at) => at !== index) };
}
