// What a node's form says about its document: its ways out, the variables it uses, the fields shown. Pure.
import type { Exit, Field, FlowNode, NodeType, Prompt } from "./types";

type Values = Record<string, unknown>;

/** Whether a field is shown, given the other values beside it. */
export function isShown(field: Field, values: Values): boolean {
  return Object.entries(field.when ?? {}).every(([name, wanted]) => String(values[name] ?? "") === wanted);
}

/** What a new row of the list `field` holds. */
export function blankRow(field: Field): Values {
  return structuredClone(field.blank ?? Object.fromEntries((field.of ?? []).map((part) => [part.name, blankValue(part)])));
}

/** Whether `{name}` of a variable may stand in a text. */
export const takesVariables = (field: Field): boolean => field.places === true;

/** What an empty field of this kind holds. */
export function blankValue(field: Field): unknown {
  switch (field.kind) {
    case "integer":
      return field.lowest ?? 0;
    case "boolean":
      return false;
    case "choice":
      return field.choices?.[0]?.value ?? "";
    case "queue":
    case "extension":
    case "flow":
      return 0;
    case "weekdays":
      return [1, 2, 3, 4, 5];
    case "time_of_day":
      return field.name.startsWith("end") ? "18:00" : "09:00";
    case "key_nodes":
      return {};
    case "prompts":
    case "regions":
    case "keys":
    case "pairs":
    case "rows":
      return [];
    case "text":
    case "textarea":
    case "node":
    case "variable":
    case "any_variable":
    case "calendar":
      return "";
  }
}

export const MENU_KEYS = [..."1234567890*#"];

const keyOrder = (key: string): number => MENU_KEYS.indexOf(key);

/** The keys of a key table as people read them: 1 to 9, 0, *, #. (A document's own order is not kept by JSON.) */
export function sortedKeys(table: Record<string, string>): string[] {
  return Object.keys(table).sort((one, other) => keyOrder(one) - keyOrder(other));
}

const remembered = new WeakMap<FlowNode, Exit[]>();

/** Every way out of `node`, in the order of its form; also the ones that lead nowhere yet. */
export function exitsOf(node: FlowNode, type: NodeType | undefined): Exit[] {
  let exits = remembered.get(node);
  if (!exits) {
    exits = type ? [...exitsIn(type.fields, node, "")] : [];
    remembered.set(node, exits);
  }
  return exits;
}

function* exitsIn(fields: readonly Field[], values: Values, prefix: string, badge = ""): Generator<Exit> {
  for (const field of fields) {
    const path = `${prefix}${field.name}`;
    const value = values[field.name];
    if (field.kind === "node" && isShown(field, values)) {
      yield { field: path, label: field.label, badge, target: String(value ?? "") };
    } else if (field.kind === "key_nodes") {
      const table = (value ?? {}) as Record<string, string>;
      for (const key of sortedKeys(table)) yield { field: `${path}.${key}`, label: "", badge: key, target: table[key] ?? "" };
    } else if (field.kind === "rows") {
      for (const [index, row] of ((value ?? []) as Values[]).entries()) {
        yield* exitsIn(field.of ?? [], row, `${path}.${index}.`, String(index + 1));
      }
    }
  }
}

/** Where a drawn arrow can add a way out: `keys.+` for the next free key, `rules.+` for a new row. */
export function addersOf(node: FlowNode, type: NodeType | undefined): { field: string; label: string }[] {
  const found = [];
  for (const field of type?.fields ?? []) {
    const leads = field.kind === "rows" && field.of?.some((part) => part.kind === "node");
    const free = field.kind === "key_nodes" && MENU_KEYS.some((key) => !(key in ((node[field.name] ?? {}) as object)));
    if (leads || free) found.push({ field: `${field.name}.+`, label: field.label });
  }
  return found;
}

/** `node` with every target put through `change`; the same object when nothing changed. */
export function mapTargets(node: FlowNode, type: NodeType | undefined, change: (target: string) => string): FlowNode {
  if (!type) return node;
  return mapFields(type.fields, node, (field, value) => {
    if (field.kind === "node") return typeof value === "string" ? change(value) : value;
    if (field.kind !== "key_nodes") return value;
    return mapEntries(value as Record<string, string> | undefined, change);
  }) as FlowNode;
}

function mapEntries(table: Record<string, string> | undefined, change: (value: string) => string): unknown {
  if (!table) return table;
  const entries = Object.entries(table).map(([key, value]) => [key, change(value)] as const);
  return entries.some(([key, value]) => table[key] !== value) ? Object.fromEntries(entries) : table;
}

function mapFields(fields: readonly Field[], values: Values, change: (field: Field, value: unknown) => unknown): Values {
  let result = values;
  for (const field of fields) {
    const before = values[field.name];
    const after = field.kind === "rows" ? mapRows(field, before, change) : change(field, before);
    if (after !== before) result = { ...result, [field.name]: after };
  }
  return result;
}

function mapRows(field: Field, value: unknown, change: (field: Field, value: unknown) => unknown): unknown {
  const rows = (value ?? []) as Values[];
  const changed = rows.map((row) => mapFields(field.of ?? [], row, change));
  return changed.some((row, index) => row !== rows[index]) ? changed : value;
}

/** `node` with the variable `from` called `to`: in fields that name one, in prompts, and as `{from}` in texts that take it. */
export function renameInNode(node: FlowNode, type: NodeType | undefined, from: string, to: string): FlowNode {
  if (!type) return node;
  return mapFields(type.fields, node, (field, value) => renameInValue(field, value, from, to)) as FlowNode;
}

function renameInValue(field: Field, value: unknown, from: string, to: string): unknown {
  const inText = (text: unknown): unknown => (typeof text === "string" ? text.replaceAll(`{${from}}`, `{${to}}`) : text);
  switch (field.kind) {
    case "variable":
    case "any_variable":
      return value === from ? to : value;
    case "text":
    case "textarea":
      return takesVariables(field) ? inText(value) : value;
    case "prompts":
      return mapList(value as Prompt[], (prompt) => renameInPrompt(prompt, from, to, inText));
    case "pairs":
      return mapList(value as Values[], (pair) => renameInPair(pair, inText));
    default:
      return value;
  }
}

function mapList<T>(list: T[] | undefined, change: (item: T) => T): T[] | undefined {
  const changed = list?.map(change);
  return changed?.some((item, index) => item !== list?.[index]) ? changed : list;
}

function renameInPrompt(prompt: Prompt, from: string, to: string, inText: (text: unknown) => unknown): Prompt {
  if (prompt.kind === "variable") return prompt.name === from ? { ...prompt, name: to } : prompt;
  const text = inText(prompt.text);
  return text === prompt.text ? prompt : { ...prompt, text: text as string };
}

function renameInPair(pair: Values, inText: (text: unknown) => unknown): Values {
  const value = inText(pair["value"]);
  return value === pair["value"] ? pair : { ...pair, value };
}

/** Whether the node uses the flow's variable `name`. */
export function usesVariable(node: FlowNode, type: NodeType | undefined, name: string): boolean {
  return renameInNode(node, type, name, `${name}\u0000`) !== node;
}
