// A flow document as the server keeps it (ivr.model), as far as the editor touches it; other fields pass through.

export interface Prompt {
  kind: "text" | "voice" | "variable" | "system" | "sound";
  text?: string;
  language?: string;
  name?: string;
  voice_id?: number;
}

export interface FlowNode {
  type: "playback" | "menu" | "transfer" | "hangup";
  code: string;
  name: string;
  [field: string]: unknown;
}

export interface FlowDocument {
  name: string;
  entry: string;
  fallback: string;
  nodes: FlowNode[];
  [field: string]: unknown;
}

export interface FlowProblem {
  node: string;
  field: string;
  severity: "error" | "warning";
  text: string;
}

export interface Targets {
  queue: [number, string][];
  extension: [number, string][];
}

/** Prompt lists, jumps to other nodes and numbers of each node type, in the order they are shown. */
export const FIELDS: Record<FlowNode["type"], { prompts: string[]; jumps: string[]; numbers: [string, number, number][] }> = {
  playback: { prompts: ["prompts"], jumps: ["next", "failure"], numbers: [["repeat", 1, 20]] },
  menu: { prompts: ["prompts", "invalid_prompts", "timeout_prompts"], jumps: ["failure"], numbers: [["timeout_s", 1, 60], ["attempts", 1, 10]] },
  transfer: { prompts: ["background", "failure_prompts"], jumps: ["failure"], numbers: [] },
  hangup: { prompts: ["prompts"], jumps: [], numbers: [] },
};

export const CAUSES = ["NORMAL_CLEARING", "USER_BUSY", "CALL_REJECTED", "NORMAL_TEMPORARY_FAILURE"];
export const MENU_KEYS = [..."1234567890*#"];

/** A new node with a code nothing in the flow has. */
export function newNode(type: FlowNode["type"], flow: FlowDocument, name: string): FlowNode {
  let number = flow.nodes.length + 1;
  while (flow.nodes.some((node) => node.code === `${type}${number}`)) number += 1;
  const node: FlowNode = { type, code: `${type}${number}`, name: `${name} ${number}` };
  for (const list of FIELDS[type].prompts) node[list] = [];
  for (const jump of FIELDS[type].jumps) node[jump] = "";
  if (type === "playback") Object.assign(node, { repeat: 1, interruptible: false });
  if (type === "menu") Object.assign(node, { keys: {}, timeout_s: 5, attempts: 3 });
  if (type === "transfer") Object.assign(node, { to: "queue", target_id: 0, variable: "" });
  if (type === "hangup") node["cause"] = "NORMAL_CLEARING";
  return node;
}
