import { describe, expect, test } from "vitest";
import { History } from "../../../../../admin_web/frontend/flow/history";

describe("undo and redo", () => {
  test("go back and forth, and a new change ends what was undone", () => {
    const history = new History("a");
    history.push("b", "first", 0);
    history.push("c", "second", 10_000);
    expect([history.undoLabel, history.redoLabel]).toEqual(["second", ""]);
    history.undo();
    expect([history.value, history.undoLabel, history.redoLabel]).toEqual(["b", "first", "second"]);
    history.undo();
    expect([history.value, history.undo()]).toEqual(["a", false]);
    history.redo();
    history.push("d", "third", 20_000);
    expect([history.value, history.redo(), history.redoLabel]).toEqual(["d", false, ""]);
  });

  test("typing in one field is one step, another field or a pause begins a new one", () => {
    const history = new History("");
    history.push("h", "name", 0, "name");
    history.push("ho", "name", 500, "name");
    history.push("hot", "name", 1500, "name");
    history.push("hot!", "name", 4000, "name");
    history.push("hot! x", "text", 4100, "text");
    const seen = [];
    while (history.undo()) seen.push(history.value);
    expect(seen).toEqual(["hot!", "hot", ""]);
  });

  test("after an undo, typing on in the same field is a step of its own", () => {
    const history = new History("");
    history.push("a", "name", 0, "name");
    history.undo();
    history.push("b", "name", 100, "name");
    history.push("c", "other", 200);
    history.undo();
    expect(history.value).toBe("b");
  });

  test("the same value is no step", () => {
    const history = new History("a");
    expect(history.push("a", "nothing", 0)).toBe(false);
    expect(history.undo()).toBe(false);
  });

  test("keeps the last 200 steps", () => {
    const history = new History(0);
    for (let step = 1; step <= 250; step += 1) history.push(step, "step", step * 10_000);
    let steps = 0;
    while (history.undo()) steps += 1;
    expect([steps, history.value]).toEqual([200, 50]);
  });
});
