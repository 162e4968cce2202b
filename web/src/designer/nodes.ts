/** The canvas as React Flow draws it: made of the draft, and the same object for what has not changed. */
import type { Edge } from "@xyflow/react";
import { connectionsOf, portsOf, type Connection } from "./graph";
import { STEP } from "./layout";
import type { CommentNodeType, GroupNodeType } from "./notes";
import type { StepNodeType } from "./step-node";
import type { Canvas } from "./store";
import type { Components, Draft, Point } from "./types";

export type CanvasNode = StepNodeType | CommentNodeType | GroupNodeType;

const FRAME = { x: 18, top: 38, bottom: 24 };
const NOWHERE: Point = { x: 0, y: 0 };

export const commentNode = (id: string): string => `comment:${id}`;
export const commentOf = (node: string): string | null => (node.startsWith("comment:") ? node.slice(8) : null);

/** Makes the nodes of each state; it keeps those of the state before. */
export function nodeMaker(): (canvas: Canvas) => CanvasNode[] {
  let before = new Map<string, CanvasNode>();
  return ({ history: { present }, selected, moving }) => {
    const nodes = made(present, selected, moving ?? {}).map((node) => {
      const old = before.get(node.id);
      return old && isSame(old, node) ? old : node;
    });
    before = new Map(nodes.map((node) => [node.id, node]));
    return nodes;
  };
}

function made({ pipeline, layout }: Draft, selected: ReadonlySet<string>, moving: Readonly<Record<string, Point>>): CanvasNode[] {
  const at = (id: string, kept: Point | undefined) => moving[id] ?? kept ?? NOWHERE;
  const sized = (width: number, height: number) => ({ width, height, measured: { width, height } });
  const groups = layout.groups.map((group): GroupNodeType => {
    const places = group.steps.map((name) => at(name, layout.positions[name]));
    const left = Math.min(...places.map(({ x }) => x)) - FRAME.x;
    const top = Math.min(...places.map(({ y }) => y)) - FRAME.top;
    const right = Math.max(...places.map(({ x }) => x)) + STEP.width + FRAME.x;
    const bottom = Math.max(...places.map(({ y }) => y)) + STEP.height + FRAME.bottom;
    return {
      id: `group:${group.id}`, type: "frame", data: { group }, position: { x: left, y: top }, zIndex: -1,
      draggable: false, selectable: false, focusable: false, connectable: false, ...sized(right - left, bottom - top),
    };
  });
  const comments = layout.comments.map((comment): CommentNodeType => {
    const id = commentNode(comment.id);
    return {
      id, type: "comment", data: { comment }, position: at(id, comment), selected: selected.has(id), zIndex: 0,
      connectable: false, ...sized(comment.width, comment.height),
    };
  });
  const steps = Object.entries(pipeline.steps).map(([id, step]): StepNodeType => ({
    id, type: "step", data: { step }, ariaLabel: id, position: at(id, layout.positions[id]), selected: selected.has(id),
    ...sized(STEP.width, STEP.height),
  }));
  return [...groups, ...comments, ...steps];
}

function isSame(one: CanvasNode, other: CanvasNode): boolean {
  const [a, b] = [Object.values(one.data), Object.values(other.data)];
  return (
    a[0] === b[0] && one.selected === other.selected && one.position.x === other.position.x &&
    one.position.y === other.position.y && one.width === other.width && one.height === other.height
  );
}

export type CanvasEdge = Edge<{ from: string; to: string; input?: string }>;

export function edgesOf(draft: Draft, components: Components, selected: ReadonlySet<string>): CanvasEdge[] {
  const { steps } = draft.pipeline;
  return connectionsOf(draft.pipeline, components).flatMap(({ from, output, to, input }): CanvasEdge[] => {
    const source = steps[from];
    if (!source) return [];
    const id = input === undefined ? `after:${from}>${to}` : `edge:${to}.${input}`;
    const shared = { id, source: from, target: to, selected: selected.has(id), focusable: false };
    if (input === undefined) {
      return [{ ...shared, data: { from, to }, sourceHandle: AFTER, targetHandle: AFTER, className: "edge-after" }];
    }
    const port = portsOf(source, components).outputs.find(({ name }) => name === output);
    if (!port) return [];
    return [{ ...shared, data: { from, to, input }, sourceHandle: port.name, targetHandle: input, className: `edge-${port.kind}` }];
  });
}

/** The handle of connections that carry nothing. */
export const AFTER = "(after)";

/** The connection that an edge stands for. */
export function connectionOfEdge(id: string): Connection | null {
  const [, to, input] = /^edge:(\w+)\.(.+)$/.exec(id) ?? [];
  if (to !== undefined && input !== undefined) return { from: "", to, input };
  const [, from, later] = /^after:(\w+)>(\w+)$/.exec(id) ?? [];
  return from !== undefined && later !== undefined ? { from, to: later } : null;
}
