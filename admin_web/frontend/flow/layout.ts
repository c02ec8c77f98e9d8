// Where nodes stand: a layered drawing from left to right (Sugiyama's steps in their simplest form: arrows that go
// round are turned, each node stands one layer after the furthest of those that lead to it, and the order in a layer
// follows the neighbours' mean place). Pure; 200 nodes take a few milliseconds.
import { callOrder, type Types } from "./document";
import { addersOf, exitsOf } from "./schema";
import type { FlowDocument, FlowNode, NodeType, Position } from "./types";

export const NODE_WIDTH = 232;
export const HEAD_HEIGHT = 66;
export const EXIT_HEIGHT = 24;
const GAP_X = 96;
const GAP_Y = 32;
const SWEEPS = 4;

/** How high a node's box is: its head, and a line for each way out. */
export function nodeHeight(node: FlowNode, type: NodeType | undefined): number {
  return HEAD_HEIGHT + EXIT_HEIGHT * (exitsOf(node, type).length + addersOf(node, type).length) + 8;
}

type Graph = Map<string, string[]>;

/** Arrows by node, without the ones that go back on the way from the entry. */
function forward(document: FlowDocument, types: Types): Graph {
  const byCode = new Map(document.nodes.map((node) => [node.code, node]));
  const state = new Map<string, "open" | "done">();
  const graph: Graph = new Map(document.nodes.map((node) => [node.code, []]));
  for (const start of callOrder(document, types)) {
    const trail = state.has(start) ? [] : [{ code: start, rest: targets(byCode.get(start), types) }];
    if (trail.length) state.set(start, "open");
    while (trail.length) {
      const top = trail[trail.length - 1] as { code: string; rest: string[] };
      const next = top.rest.shift();
      if (next === undefined) {
        state.set(top.code, "done");
        trail.pop();
      } else if (byCode.has(next) && state.get(next) !== "open") {
        graph.get(top.code)?.push(next);
        if (!state.has(next)) {
          state.set(next, "open");
          trail.push({ code: next, rest: targets(byCode.get(next), types) });
        }
      }
    }
  }
  return graph;
}

function targets(node: FlowNode | undefined, types: Types): string[] {
  if (!node) return [];
  return [...new Set(exitsOf(node, types.get(node.type)).map((exit) => exit.target))].filter(Boolean);
}

function layersOf(order: readonly string[], graph: Graph): string[][] {
  const before = new Map<string, number>(order.map((code) => [code, 0]));
  for (const followers of graph.values()) for (const code of followers) before.set(code, (before.get(code) ?? 0) + 1);
  const depth = new Map<string, number>();
  const ready = order.filter((code) => before.get(code) === 0);
  for (let code = ready.shift(); code !== undefined; code = ready.shift()) {
    const here = depth.get(code) ?? 0;
    depth.set(code, here);
    for (const follower of graph.get(code) ?? []) {
      depth.set(follower, Math.max(depth.get(follower) ?? 0, here + 1));
      const left = (before.get(follower) ?? 1) - 1;
      before.set(follower, left);
      if (left === 0) ready.push(follower);
    }
  }
  const layers: string[][] = [];
  for (const code of order) (layers[depth.get(code) ?? 0] ??= []).push(code);
  return layers.map((layer) => layer ?? []);
}

function untangle(layers: string[][], graph: Graph): void {
  const back: Graph = new Map();
  for (const [code, followers] of graph) for (const follower of followers) back.set(follower, [...(back.get(follower) ?? []), code]);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const place = new Map(layers.flatMap((layer) => layer.map((code, index) => [code, index / layer.length] as const)));
    const down = sweep % 2 === 0;
    for (const layer of down ? layers : [...layers].reverse()) {
      const mean = new Map(layer.map((code) => [code, meanPlace((down ? back : graph).get(code), place) ?? place.get(code) ?? 0]));
      layer.sort((one, other) => (mean.get(one) ?? 0) - (mean.get(other) ?? 0));
      layer.forEach((code, index) => place.set(code, index / layer.length));
    }
  }
}

function meanPlace(neighbours: readonly string[] | undefined, place: ReadonlyMap<string, number>): number | null {
  if (!neighbours?.length) return null;
  return neighbours.reduce((sum, code) => sum + (place.get(code) ?? 0), 0) / neighbours.length;
}

/** A place for every node. */
export function tidy(document: FlowDocument, types: Types): Record<string, Position> {
  const byCode = new Map(document.nodes.map((node) => [node.code, node]));
  const graph = forward(document, types);
  const layers = layersOf(callOrder(document, types), graph);
  untangle(layers, graph);
  const heights = layers.map((layer) => layer.map((code) => heightOf(byCode.get(code), types)));
  const tallest = Math.max(0, ...heights.map((column) => columnHeight(column)));
  const places: Record<string, Position> = {};
  layers.forEach((layer, column) => {
    let y = Math.round((tallest - columnHeight(heights[column] ?? [])) / 2);
    layer.forEach((code, row) => {
      places[code] = [column * (NODE_WIDTH + GAP_X), y];
      y += (heights[column]?.[row] ?? 0) + GAP_Y;
    });
  });
  return places;
}

const heightOf = (node: FlowNode | undefined, types: Types): number => (node ? nodeHeight(node, types.get(node.type)) : 0);
const columnHeight = (heights: readonly number[]): number => heights.reduce((sum, height) => sum + height + GAP_Y, -GAP_Y);

/** Places of all nodes: the document's, and for those without one a place that is free. */
export function placesOf(document: FlowDocument, types: Types): Record<string, Position> {
  const missing = document.nodes.filter((node) => !document.layout[node.code]);
  if (!missing.length) return document.layout;
  if (missing.length === document.nodes.length) return tidy(document, types);
  const places = { ...document.layout };
  for (const node of missing) places[node.code] = freePlace(document, types, places, node);
  return places;
}

/** A free place beside a node that leads to `node`, else below everything. */
function freePlace(document: FlowDocument, types: Types, places: Record<string, Position>, node: FlowNode): Position {
  const leader = document.nodes.find((each) => places[each.code] && targets(each, types).includes(node.code));
  const from = leader && places[leader.code];
  const wanted: Position = from ? [from[0] + NODE_WIDTH + GAP_X, from[1]] : [0, 0];
  return clearOf(document, types, places, wanted, nodeHeight(node, types.get(node.type)));
}

/** `wanted`, or the first place below it where a box of `height` covers no other. */
export function clearOf(document: FlowDocument, types: Types, places: Record<string, Position>, wanted: Position, height: number): Position {
  const boxes = document.nodes.flatMap((each) => {
    const place = places[each.code];
    return place && Math.abs(place[0] - wanted[0]) < NODE_WIDTH + 16 ? [{ top: place[1], bottom: place[1] + heightOf(each, types) }] : [];
  });
  boxes.sort((one, other) => one.top - other.top);
  let y = wanted[1];
  for (const box of boxes) if (y < box.bottom + 16 && y + height + 16 > box.top) y = box.bottom + GAP_Y;
  return [wanted[0], y];
}
