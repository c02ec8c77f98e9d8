// What the server and the editor exchange: the flow document (`ivr.model`), the forms of node types
// (`ivr.nodes.describe`) and what else stands in the page. Fields the editor does not know pass through unchanged.

export type Reading = "digits" | "number" | "money" | "date";
export type PromptKind = "text" | "voice" | "variable" | "system" | "sound";

export interface Prompt {
  kind: PromptKind;
  language?: string;
  text?: string;
  name?: string;
  reading?: Reading;
  voice_id?: number;
}

/** A node: its own fields lie beside these, as its type's form says. */
export interface FlowNode {
  type: string;
  code: string;
  name: string;
  type_ahead?: string;
  [field: string]: unknown;
}

export interface FlowVariable {
  name: string;
  description: string;
  initial: string;
}

export type Position = [x: number, y: number];

export interface FlowDocument {
  name: string;
  entry: string;
  fallback: string;
  variables: FlowVariable[];
  nodes: FlowNode[];
  layout: Record<string, Position>;
  [field: string]: unknown;
}

export interface Problem {
  /** Code of the node; empty: the flow itself. */
  node: string;
  /** Dotted path into the node or the flow, such as `rules.0.target`. */
  field: string;
  severity: "error" | "warning";
  text: string;
}

export type FieldKind =
  | "text"
  | "textarea"
  | "integer"
  | "boolean"
  | "choice"
  | "prompts"
  | "node"
  | "key_nodes"
  | "queue"
  | "extension"
  | "flow"
  | "variable"
  | "any_variable"
  | "calendar"
  | "weekdays"
  | "time_of_day"
  | "regions"
  | "keys"
  | "pairs"
  | "rows";

export interface Choice {
  value: string;
  label: string;
}

export interface Field {
  name: string;
  kind: FieldKind;
  label: string;
  help?: string;
  lowest?: number | null;
  highest?: number | null;
  choices?: Choice[];
  of?: Field[];
  required?: boolean;
  /** What a new row holds, with `rows` and `pairs`. */
  blank?: Record<string, unknown>;
  /** Shown only while these other fields of the node (or the row) have these values. */
  when?: Record<string, string>;
  /** `{name}` in it stands for the value of a variable. */
  places?: boolean;
  /** Its length is shown as that of a short message. */
  sms?: boolean;
}

export type Group = "speak" | "ask" | "decide" | "connect" | "outside";

export interface NodeType {
  type: string;
  label: string;
  description: string;
  icon: string;
  group: Group;
  fields: Field[];
  /** A new node's values, without code and name. */
  blank: Record<string, unknown>;
}

export interface NamedId {
  id: number;
  name: string;
}

export interface VoiceChoice extends NamedId {
  seconds: number;
  url: string;
}

export interface Province {
  /** Key of the province. */
  province: string;
  /** What it is called in the page's language, when that is not its key. */
  name?: string;
  cities: (string | { city: string; name?: string })[];
}

export interface Pickers {
  queues: (NamedId & { code?: string })[];
  extensions: NamedId[];
  voices: VoiceChoice[];
  flows: NamedId[];
  calendars: { id: string | number; name: string }[];
  regions: Province[];
  sounds?: { name: string; label: string }[];
}

export interface SystemVariable {
  name: string;
  label: string;
}

export interface Urls {
  save: string;
  check: string;
  publish: string;
  versions: string;
  try_it: string;
  live: string;
  export: string;
  voices: string;
  draft?: string;
}

/** What the page brings along. */
export interface Boot {
  flow: { id: number; code: string; name: string; published_version: number | null };
  document: FlowDocument;
  draft: { version: number; saved_at: string; saved_by: string; revision?: number | string } | null;
  revision: number | string;
  problems: Problem[];
  node_types: NodeType[];
  system_variables: SystemVariable[];
  pickers: Pickers;
  rights: { edit: boolean };
  urls: Urls;
  locale: string;
}

/** A way out of a node. */
export interface Exit {
  /** Dotted path of the field with the target, as in `Problem.field`. */
  field: string;
  /** What people call it: a field's label, a key, a rule. */
  label: string;
  /** Shown in front of the label in a box of its own: a telephone key or a rule's number. */
  badge: string;
  target: string;
}

export interface VersionRow {
  version: number;
  state: "draft" | "published" | "superseded" | string;
  published_at: string | null;
  saved_at?: string;
  by: string;
  note: string;
}

export interface Difference {
  what: "added" | "removed" | "changed";
  node: string;
  name: string;
  type: string;
  fields: { field: string; label: string; before: string; after: string }[];
}

export type TryEvent =
  | { do: "key"; digit: string }
  | { do: "played" }
  | { do: "timer" }
  | { do: "transfer"; result: string }
  | { do: "talk_ended" }
  | { do: "answer"; ok: boolean; variables: Record<string, string> }
  | { do: "recorded" }
  | { do: "hang_up" };

export interface TryResult {
  transcript: { kind: string; node: string; name: string; text: string; flow_id: number }[];
  state: {
    status: string;
    node: string;
    waiting: "prompt" | "key" | "transfer" | "request" | "record" | "over" | string;
    seconds: number | null;
    variables: Record<string, string>;
    keys: string;
    flow_id: number;
  };
  path: { node: string; name: string; keys: string; exit: string; flow_id: number }[];
  error?: string;
}

export interface LiveCounts {
  total: number;
  nodes: Record<string, number>;
  versions: Record<string, number>;
}
