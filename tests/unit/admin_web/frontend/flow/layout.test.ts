import { describe, expect, test } from "vitest";
import { nodeHeight, NODE_WIDTH, placesOf, tidy } from "../../../../../admin_web/frontend/flow/layout";
import type { FlowDocument, Position } from "../../../../../admin_web/frontend/flow/types";
import { flow, node, types } from "./fixture";

function overlaps(document: FlowDocument, places: Record<string, Position>): string[] {
  const boxes = document.nodes.map((each) => ({ code: each.code, place: places[each.code] as Position, height: nodeHeight(each, types.get(each.type)) }));
  return boxes.flatMap((one, index) =>
    boxes.slice(index + 1).flatMap((other) => {
      const across = Math.abs(one.place[0] - other.place[0]) < NODE_WIDTH;
      const along = one.place[1] < other.place[1] + other.height && other.place[1] < one.place[1] + one.height;
      return across && along ? [`${one.code} on ${other.code}`] : [];
    }),
  );
}

/** A flow of menus of `wide` keys with ways back to the first and an end for all. */
function big(count: number, wide: number): FlowDocument {
  const nodes = Array.from({ length: count }, (_, index) => {
    const keys = Object.fromEntries(Array.from({ length: wide }, (_each, key) => [String(key + 1), `n${index * wide + key + 1}`]).filter(([, code]) => Number(String(code).slice(1)) < count));
    return node("menu", `n${index}`, { keys: { ...keys, "0": "n0", "#": "end" } });
  });
  return flow([...nodes, node("hangup", "end")], { entry: "n0" });
}

describe("tidying up", () => {
  test("goes from left to right, each node after the furthest that leads to it; arrows back do not count", () => {
    const document = flow([
      node("playback", "start", { next: "ask" }),
      node("menu", "ask", { keys: { "1": "say", "2": "end", "9": "ask", "0": "start" } }),
      node("playback", "say", { next: "end" }),
      node("hangup", "end"),
    ]);
    const places = tidy(document, types);
    const columns = ["start", "ask", "say", "end"].map((code) => places[code]?.[0]);
    expect(columns).toEqual([0, 1, 2, 3].map((column) => column * (NODE_WIDTH + 96)));
  });

  test("boxes never cover each other and every node has a place, also islands and loops without an entry", () => {
    const document = big(199, 3);
    document.nodes.push(node("playback", "island"), node("menu", "ring1", { keys: { "1": "ring2" } }), node("menu", "ring2", { keys: { "1": "ring1" } }));
    const places = tidy(document, types);
    expect(Object.keys(places)).toHaveLength(document.nodes.length);
    expect(overlaps(document, places)).toEqual([]);
  });

  test("is the same each time, and quick with 200 nodes", () => {
    const document = big(200, 4);
    const from = performance.now();
    const places = tidy(document, types);
    expect(performance.now() - from).toBeLessThan(400);
    expect(tidy(document, types)).toEqual(places);
  });

  test("a chain of 5,000 nodes does not exhaust the stack", () => {
    const chain = Array.from({ length: 5000 }, (_, index) => node("playback", `p${index}`, { next: `p${index + 1}` }));
    expect(tidy(flow(chain), types)["p4999"]?.[0]).toBe(4999 * (NODE_WIDTH + 96));
  });
});

describe("nodes without a place", () => {
  test("get one beside the node that leads to them, where nothing stands", () => {
    const document = flow([node("playback", "a", { next: "b" }), node("hangup", "b"), node("hangup", "c")], { layout: { a: [0, 0], c: [NODE_WIDTH + 96, 0] } });
    const places = placesOf(document, types);
    expect(places["b"]?.[0]).toBe(NODE_WIDTH + 96);
    expect(overlaps(document, places)).toEqual([]);
  });

  test("a document without any places is tidied up; one with all keeps its own", () => {
    const document = flow([node("playback", "a", { next: "b" }), node("hangup", "b")]);
    expect(placesOf(document, types)).toEqual(tidy(document, types));
    const placed = { ...document, layout: { a: [5, 5] as Position, b: [9, 9] as Position } };
    expect(placesOf(placed, types)).toBe(placed.layout);
  });
});
