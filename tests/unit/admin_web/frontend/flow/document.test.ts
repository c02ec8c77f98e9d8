import { describe, expect, test } from "vitest";
import * as doc from "../../../../../admin_web/frontend/flow/document";
import { addersOf, exitsOf, isShown, takesVariables } from "../../../../../admin_web/frontend/flow/schema";
import { placeOf } from "../../../../../admin_web/frontend/flow/summary";
import { flow, node, types } from "./fixture";

const typeOf = (name: string) => types.get(name);

describe("ways out", () => {
  test("come from the form, keys in the order of a telephone, rules by number", () => {
    const menu = node("menu", "m", { keys: { "0": "a", "*": "b", "1": "c" }, failure: "d" });
    expect(exitsOf(menu, typeOf("menu")).map((exit) => [exit.field, exit.badge, exit.target])).toEqual([
      ["keys.1", "1", "c"], ["keys.0", "0", "a"], ["keys.*", "*", "b"], ["failure", "", "d"],
    ]);
    const time = node("time", "t", { rules: [{ start: "09:00", target: "a" }, { start: "12:00", target: "" }], otherwise: "z" });
    expect(exitsOf(time, typeOf("time")).map((exit) => exit.field)).toEqual(["rules.0.target", "rules.1.target", "otherwise"]);
  });

  test("one can be added where there is a key left or a list of rules", () => {
    expect(addersOf(node("menu", "m"), typeOf("menu")).map((each) => each.field)).toEqual(["keys.+"]);
    const full = Object.fromEntries([..."1234567890*#"].map((key) => [key, ""]));
    expect(addersOf(node("menu", "m", { keys: full }), typeOf("menu"))).toEqual([]);
    expect(addersOf(node("playback", "p"), typeOf("playback"))).toEqual([]);
  });

  test("connecting sets a field, a key, a row; `+` makes the next one", () => {
    let document = flow([node("menu", "m", { keys: { "1": "x" } }), node("time", "t"), node("hangup", "h")]);
    document = doc.connect(document, types, "m", "keys.1", "h");
    document = doc.connect(document, types, "m", "keys.+", "t");
    document = doc.connect(document, types, "t", "rules.+", "h");
    document = doc.connect(document, types, "t", "rules.0.target", "m");
    document = doc.connect(document, types, "t", "otherwise", "h");
    expect(doc.nodeOf(document, "m")?.["keys"]).toEqual({ "1": "h", "2": "t" });
    expect(doc.nodeOf(document, "t")?.["rules"]).toEqual([{ start: "09:00", target: "m" }]);
    expect(doc.nodeOf(document, "t")?.["otherwise"]).toBe("h");
  });
});

describe("nodes", () => {
  test("a new one has a free code and name, stands after another, and is the entry of an empty flow", () => {
    const first = doc.addNode(flow([]), types.get("menu")!, "Menu", { at: [10.4, 20.6] });
    expect(first).toMatchObject({ code: "menu1", document: { entry: "menu1", layout: { menu1: [10, 21] } } });
    const third = doc.addNode(doc.addNode(first.document, types.get("hangup")!, "End").document, types.get("menu")!, "Menu", { after: "menu1" });
    expect(third.document.nodes.map((each) => each.code)).toEqual(["menu1", "menu2", "hangup1"]);
    expect(third.document.nodes[1]?.name).toBe("Menu 2");
    expect(third.document.entry).toBe("menu1");
  });

  test("a new one shares nothing with its type's blank", () => {
    const { document, code } = doc.addNode(flow([]), types.get("menu")!, "Menu");
    (doc.nodeOf(document, code)?.["keys"] as Record<string, string>)["1"] = "x";
    expect(types.get("menu")?.blank["keys"]).toEqual({});
  });

  test("removing one clears what led to it, everywhere", () => {
    const before = flow(
      [node("menu", "m", { keys: { "1": "h", "2": "m" }, failure: "h" }), node("time", "t", { rules: [{ start: "09:00", target: "h" }], otherwise: "m" }), node("hangup", "h")],
      { entry: "h", fallback: "h", layout: { h: [0, 0], m: [1, 1] } },
    );
    const after = doc.removeNodes(before, types, new Set(["h"]));
    expect(after).toMatchObject({ entry: "", fallback: "", layout: { m: [1, 1] } });
    expect(after.nodes.map((each) => each.code)).toEqual(["m", "t"]);
    expect(doc.nodeOf(after, "m")).toMatchObject({ keys: { "1": "", "2": "m" }, failure: "" });
    expect(doc.nodeOf(after, "t")).toMatchObject({ rules: [{ start: "09:00", target: "" }], otherwise: "m" });
    expect(JSON.stringify(before)).toContain('"entry":"h"');
  });

  test("another type keeps code, name and the fields both have", () => {
    const before = flow([node("playback", "p", { prompts: [{ kind: "text", text: "hi" }], repeat: 4, next: "x", failure: "y" })]);
    const after = doc.changeType(before, types, "p", types.get("menu")!);
    expect(after.nodes[0]).toEqual({ type: "menu", code: "p", name: "name of p", prompts: [{ kind: "text", text: "hi" }], keys: {}, failure: "y" });
  });

  test("what is not touched stays the same object", () => {
    const before = flow([node("menu", "m"), node("hangup", "h")]);
    const after = doc.editNode(before, "m", ["keys"], { "1": "h" });
    expect(after.nodes[1]).toBe(before.nodes[1]);
    expect(doc.connect(before, types, "nobody", "next", "h")).toBe(before);
  });

  test("the list is put in call order: along the ways out, the unreachable last", () => {
    const document = flow([node("hangup", "island"), node("hangup", "end"), node("playback", "start", { next: "ask" }), node("menu", "ask", { keys: { "1": "start", "2": "end" } })], { entry: "start" });
    expect(doc.sortNodes(document, types).nodes.map((each) => each.code)).toEqual(["start", "ask", "end", "island"]);
    expect(doc.moveNode(document, "start", -5).nodes[0]?.code).toBe("start");
  });
});

describe("copy and paste", () => {
  const source = flow([node("menu", "menu1", { keys: { "1": "hangup1", "2": "outside" } }), node("hangup", "hangup1"), node("hangup", "outside")], { layout: { menu1: [100, 50] } });

  test("ways between copies lead to the copies, others stay where the node exists", () => {
    const pasted = doc.paste(source, types, doc.clip(source, new Set(["menu1", "hangup1"])));
    expect(pasted.codes).toEqual(["menu2", "hangup2"]);
    expect(doc.nodeOf(pasted.document, "menu2")).toMatchObject({ keys: { "1": "hangup2", "2": "outside" }, name: "name of menu1 2" });
    expect(pasted.document.layout["menu2"]).toEqual([140, 90]);
  });

  test("in another flow, ways to what stayed behind lead nowhere, and unknown types are left out", () => {
    const clip = doc.clip(source, new Set(["menu1"]));
    clip.nodes.push({ type: "from-the-future", code: "f", name: "f" });
    const pasted = doc.paste(flow([]), types, clip);
    expect(pasted.codes).toEqual(["menu1"]);
    expect(doc.nodeOf(pasted.document, "menu1")?.["keys"]).toEqual({ "1": "", "2": "" });
  });

  test("what is no clip is not read as one", () => {
    expect(doc.readClip(JSON.stringify(doc.clip(source, new Set(["menu1"]))))?.nodes).toHaveLength(1);
    for (const text of ["", "hello", "null", "[]", '{"kind":"zongji-flow-nodes"}', '{"kind":"zongji-flow-nodes","nodes":[{}],"layout":{}}']) expect(doc.readClip(text)).toBeNull();
  });
});

describe("variables", () => {
  const document = flow(
    [
      node("playback", "p", { prompts: [{ kind: "variable", name: "order" }, { kind: "text", text: "about {order} and {orders}" }] }),
      node("http", "h", { url: "https://x.test/{order}", headers: [{ name: "order", value: "{order}" }] }),
      node("collect", "c", { variable: "order" }),
      node("transfer", "t", { to: "queue", variable: "other" }),
    ],
    { variables: [{ name: "order", description: "", initial: "" }, { name: "other", description: "", initial: "" }] },
  );

  test("renaming renames every use and nothing else", () => {
    const renamed = doc.renameVariable(document, types, 0, "number");
    expect(renamed.variables[0]?.name).toBe("number");
    expect(doc.nodeOf(renamed, "p")?.["prompts"]).toEqual([{ kind: "variable", name: "number" }, { kind: "text", text: "about {number} and {orders}" }]);
    expect(doc.nodeOf(renamed, "h")).toMatchObject({ url: "https://x.test/{number}", headers: [{ name: "order", value: "{number}" }] });
    expect(doc.nodeOf(renamed, "c")?.["variable"]).toBe("number");
    expect(doc.nodeOf(renamed, "t")).toBe(doc.nodeOf(document, "t"));
  });

  test("a name that is empty or taken changes no use: typing over it loses nothing", () => {
    expect(doc.nodeOf(doc.renameVariable(document, types, 0, ""), "c")?.["variable"]).toBe("order");
    expect(doc.nodeOf(doc.renameVariable(document, types, 0, "other"), "c")?.["variable"]).toBe("order");
  });

  test("braces in a text that takes no variables are its own", () => {
    const counted = flow([node("collect", "c", { variable: "other", pattern: "[0-9]{6}" })], { variables: [{ name: "6", description: "", initial: "" }] });
    expect(doc.usersOf(counted, types, "6")).toEqual([]);
    expect(doc.nodeOf(doc.renameVariable(counted, types, 0, "six"), "c")?.["pattern"]).toBe("[0-9]{6}");
  });

  test("users are named", () => {
    expect(doc.usersOf(document, types, "order").map((each) => each.code)).toEqual(["p", "h", "c"]);
    expect(doc.usersOf(document, types, "other").map((each) => each.code)).toEqual(["t"]);
    expect(doc.usersOf(document, types, "")).toEqual([]);
  });
});

test("a field shows only beside the values it belongs to", () => {
  const fields = types.get("transfer")!.fields;
  const shown = (values: Record<string, unknown>) => fields.filter((field) => isShown(field, values)).map((field) => field.name);
  expect(shown({ to: "queue" })).toEqual(["to", "target_id", "failure"]);
  expect(shown({ to: "variable" })).toEqual(["to", "variable", "failure"]);
});

test("variables are offered for texts that take them, in whatever language their help is", () => {
  const offered = [...types.values()].flatMap((type) => type.fields.filter(takesVariables).map((field) => field.name));
  expect(offered).toEqual(["url"]);
});

test("a problem says where in the form it is", () => {
  const place = (type: string, field: string) => placeOf({ field }, types.get(type));
  expect(place("menu", "keys.1")).toBe("Key 1");
  expect(place("menu", "failure")).toBe("On failure");
  expect(place("playback", "prompts.0.text")).toBe("What is said 1");
  expect(place("time", "rules.1.target")).toBe("Rules 2 To");
  expect(place("menu", "code")).toBe("");
});
