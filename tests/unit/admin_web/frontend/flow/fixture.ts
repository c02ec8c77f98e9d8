// Node types small enough to read, with every kind of field that leads somewhere or names a variable.
import type { Types } from "../../../../../admin_web/frontend/flow/document";
import type { Field, FlowDocument, FlowNode, NodeType } from "../../../../../admin_web/frontend/flow/types";

const next: Field = { name: "next", kind: "node", label: "Next" };
const failure: Field = { name: "failure", kind: "node", label: "On failure" };
const prompts: Field = { name: "prompts", kind: "prompts", label: "What is said" };

function type(name: string, fields: Field[], blank: Record<string, unknown>): NodeType {
  return { type: name, label: name, description: "", icon: "volume", group: "speak", fields, blank: { type: name, code: "", name: "", ...blank } };
}

export const types: Types = new Map(
  [
    type("playback", [prompts, { name: "repeat", kind: "integer", label: "Times", lowest: 1 }, next, failure], { prompts: [], repeat: 1, next: "", failure: "" }),
    type("menu", [prompts, { name: "keys", kind: "key_nodes", label: "Keys" }, failure], { prompts: [], keys: {}, failure: "" }),
    type("time", [
      { name: "rules", kind: "rows", label: "Rules", of: [{ name: "start", kind: "time_of_day", label: "From" }, { name: "target", kind: "node", label: "To" }], blank: { start: "09:00", target: "" } },
      { name: "otherwise", kind: "node", label: "Otherwise" },
    ], { rules: [], otherwise: "" }),
    type("http", [{ name: "url", kind: "text", label: "Address", help: "{变量名} 代表变量的值", places: true }, { name: "headers", kind: "pairs", label: "Headers" }, next], { url: "", headers: [], next: "" }),
    type("collect", [{ name: "variable", kind: "variable", label: "Variable" }, { name: "pattern", kind: "text", label: "Pattern" }, next], { variable: "", pattern: "", next: "" }),
    type("hangup", [prompts], { prompts: [] }),
    type("transfer", [
      { name: "to", kind: "choice", label: "To", choices: [{ value: "queue", label: "Queue" }, { value: "variable", label: "Variable" }] },
      { name: "target_id", kind: "queue", label: "Queue", when: { to: "queue" } },
      { name: "variable", kind: "any_variable", label: "Variable", when: { to: "variable" } },
      failure,
    ], { to: "queue", target_id: 0, variable: "", failure: "" }),
  ].map((each) => [each.type, each]),
);

export const node = (type: string, code: string, values: Record<string, unknown> = {}): FlowNode => ({ ...types.get(type)?.blank, type, code, name: `name of ${code}`, ...values });

export const flow = (nodes: FlowNode[], values: Partial<FlowDocument> = {}): FlowDocument => ({
  name: "flow", entry: nodes[0]?.code ?? "", fallback: "", variables: [], layout: {}, nodes, ...values,
});
