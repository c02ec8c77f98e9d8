import { expect, test, vi } from "vitest";
import type { Boot } from "../../../../../admin_web/frontend/flow/types";
import { flow, node, types } from "./fixture";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
const { createEditor } = await import("../../../../../admin_web/frontend/flow/store");

const boot = (document = flow([node("menu", "m")])): Boot =>
  ({ document, node_types: [...types.values()], problems: [], rights: { edit: true }, flow: { published_version: 0 } }) as unknown as Boot;

test("a node made for the flow's own field is one step to undo", () => {
  const editor = createEditor(boot());
  const code = editor.add("hangup", { as: "fallback" });
  expect(editor.draft.value.fallback).toBe(code);
  editor.undo();
  expect(editor.draft.value).toMatchObject({ fallback: "", nodes: [{ code: "m" }] });
  expect(editor.undoLabel.value).toBe("");
});
