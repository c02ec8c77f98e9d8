// A node in a few words, for its box and its line in the outline: what it says, where it sends, what it asks.
import { pageLanguage, t, weekdayRange } from "./i18n";
import { regionName } from "./regions";
import { isShown } from "./schema";
import type { Boot, Exit, Field, FlowNode, NodeType, Problem, Prompt } from "./types";

type Values = Record<string, unknown>;
const LONGEST = 60;

const short = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** What a prompt says, as far as it is known beforehand. */
export function promptText(prompt: Prompt, boot: Boot): string {
  switch (prompt.kind) {
    case "text":
      return prompt.text ?? "";
    case "voice":
      return boot.pickers.voices.find((voice) => voice.id === prompt.voice_id)?.name ?? "";
    case "variable":
      return `{${prompt.name ?? ""}}`;
    case "system":
      return boot.system_variables.find((each) => each.name === prompt.name)?.label ?? prompt.name ?? "";
    case "sound":
      return boot.pickers.sounds?.find((each) => each.name === prompt.name)?.label ?? prompt.name ?? "";
  }
}

/** What callers in the page's language hear, the first two items of it. */
function promptsText(prompts: readonly Prompt[], boot: Boot): string {
  const language = pageLanguage();
  const heard = prompts.filter((prompt) => !prompt.language || prompt.language === language);
  return (heard.length ? heard : prompts).map((prompt) => promptText(prompt, boot)).filter(Boolean).slice(0, 2).join(" · ");
}

/** The node in a line; empty when nothing is filled in yet. */
export function summaryOf(node: FlowNode, type: NodeType | undefined, boot: Boot): string {
  for (const field of type?.fields ?? []) {
    const text = isShown(field, node) && field.kind !== "rows" && field.kind !== "choice" ? fieldText(field, node[field.name], boot) : "";
    if (text) return short(text);
  }
  return "";
}

/** A field's value as people read it; empty for what says nothing about the node. */
function fieldText(field: Field, value: unknown, boot: Boot): string {
  const named = (list: readonly { id: number | string; name: string }[]): string => list.find((each) => String(each.id) === String(value))?.name ?? "";
  switch (field.kind) {
    case "prompts":
      return promptsText((value ?? []) as Prompt[], boot);
    case "queue":
      return named(boot.pickers.queues);
    case "extension":
      return named(boot.pickers.extensions);
    case "flow":
      return named(boot.pickers.flows);
    case "calendar":
      return named(boot.pickers.calendars);
    case "pairs":
      return ((value ?? []) as { name: string; value: string }[]).map((pair) => `${pair.name} = ${pair.value}`).join(", ");
    case "any_variable":
      return boot.system_variables.find((each) => each.name === value)?.label ?? String(value ?? "");
    case "text":
    case "textarea":
    case "variable":
    case "time_of_day":
      return String(value ?? "");
    case "choice":
      return field.choices?.find((choice) => choice.value === value)?.label ?? "";
    case "weekdays":
      return weekdayRange((value ?? []) as number[]);
    case "regions":
      return ((value ?? []) as string[]).map((key) => regionName(boot.pickers.regions, key)).join(", ");
    default:
      return "";
  }
}

/** A rule or case in a line: times as a span, a choice of everything left out. */
function rowText(fields: readonly Field[], row: Values, boot: Boot): string {
  const shown = fields.filter((field) => isShown(field, row) && row[field.name] !== "any");
  const times = shown.filter((field) => field.kind === "time_of_day").map((field) => String(row[field.name] ?? ""));
  const rest = shown.filter((field) => field.kind !== "time_of_day").map((field) => fieldText(field, row[field.name], boot));
  return [times.filter(Boolean).join("–"), ...rest].filter(Boolean).join(" ");
}

/** Where in a node's form `problem` is, in words; empty for what belongs to no field. */
export function placeOf(problem: Pick<Problem, "field">, type: NodeType | undefined): string {
  const [name = "", part = "", within = ""] = problem.field.split(".");
  const field = type?.fields.find((each) => each.name === name);
  if (!field) return "";
  if (field.kind === "key_nodes" && part) return t("keys.one", { key: part });
  const label = field.label.split(/[（(，,]/)[0] ?? "";
  const inner = field.of?.find((each) => each.name === within)?.label ?? "";
  return [label, part && Number(part) + 1, inner].filter(Boolean).join(" ");
}

/** What a way out is called in the node's box: its field's name, or the rule it belongs to. */
export function exitText(exit: Exit, node: FlowNode, type: NodeType | undefined, boot: Boot): string {
  const [name, index] = exit.field.split(".");
  const field = type?.fields.find((each) => each.name === name);
  if (field?.kind === "key_nodes") return "";
  if (field?.kind !== "rows") return exit.label;
  const row = ((node[field.name] ?? []) as Values[])[Number(index)] ?? {};
  return short(rowText(field.of ?? [], row, boot)) || t("exit.rule", { number: Number(index) + 1 });
}
