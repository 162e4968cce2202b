import dagre from "@dagrejs/dagre";
import { connectionsOf, portsOf } from "./graph";
import { moveSteps } from "./edits";
import type { Comment, Components, Draft, Point } from "./types";

export const STEP = { width: 210, height: 84 };
const GAP = { x: 36, y: 56 };
export const GRID = 12;

/** A draft whose steps are in layers from top to bottom, with few crossings. */
export function arranged(draft: Draft, components: Components): Draft {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", nodesep: GAP.x, ranksep: GAP.y });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of Object.keys(draft.pipeline.steps)) graph.setNode(name, { ...STEP });
  for (const { from, to } of connectionsOf(draft.pipeline, components)) {
    if (graph.hasNode(from)) graph.setEdge(from, to);
  }
  dagre.layout(graph, { constraints: besides(draft, components) });
  const places = graph.nodes().map((name): [string, Point] => {
    const { x, y } = graph.node(name) as Point;
    return [name, { x: snapped(x - STEP.width / 2), y: snapped(y - STEP.height / 2) }];
  });
  return uncovered(moveSteps(draft, Object.fromEntries(places)));
}

/** A draft in which comments that would lie on a step are beside all of them. */
function uncovered(draft: Draft): Draft {
  const { positions, comments } = draft.layout;
  const all = Object.values(positions);
  const x = Math.max(...all.map((at) => at.x)) + STEP.width + GAP.x;
  let y = Math.min(...all.map((at) => at.y));
  const moved = comments.filter((each) => all.some((at) => covers(at, each))).map((each): [string, Point] => {
    const place = { x, y };
    y += each.height + GRID;
    return [`comment:${each.id}`, place];
  });
  return moveSteps(draft, Object.fromEntries(moved));
}

const covers = (at: Point, { x, y, width, height }: Comment): boolean =>
  at.x < x + width && x < at.x + STEP.width && at.y < y + height && y < at.y + STEP.height;

/** Steps whose data go into the same step stand in the order of its ports, as far as these agree. */
function besides({ pipeline }: Draft, components: Components): { left: string; right: string }[] {
  const found = new Map<string, { left: string; right: string }>();
  for (const [name, step] of Object.entries(pipeline.steps)) {
    const ports = portsOf(step, components).inputs.map((port) => port.name);
    const sources = connectionsOf({ steps: { [name]: step } }, components)
      .sort((one, other) => ports.indexOf(one.input ?? "") - ports.indexOf(other.input ?? ""))
      .map(({ from }) => from);
    sources.slice(1).forEach((right, index) => {
      const left = sources[index];
      if (left !== undefined && left !== right && !found.has(`${right} ${left}`)) found.set(`${left} ${right}`, { left, right });
    });
  }
  return [...found.values()];
}

const snapped = (value: number) => Math.round(value / GRID) * GRID;

/** A draft in which every step has a place: those without one are arranged, or come below the others. */
export function placed(draft: Draft, components: Components): Draft {
  const names = Object.keys(draft.pipeline.steps);
  const lost = names.filter((name) => !(name in draft.layout.positions));
  if (lost.length === 0) return draft;
  if (lost.length === names.length) return arranged(draft, components);
  return moveSteps(draft, Object.fromEntries(lost.map((name, index) => [name, freePlace(draft, index)])));
}

/** How far the first step is from the edges, so that its ports are seen. */
const MARGIN = 2 * GRID;

/** A place below everything. */
export function freePlace({ layout }: Draft, index = 0): Point {
  const all = Object.values(layout.positions);
  if (all.length === 0) return { x: MARGIN + index * (STEP.width + GAP.x), y: MARGIN };
  const lowest = Math.max(...all.map(({ y }) => y));
  const left = Math.min(...all.map(({ x }) => x));
  return { x: left + index * (STEP.width + GAP.x), y: lowest + STEP.height + GAP.y };
}
