import { useCallback, useMemo, useState, type ClipboardEvent, type DragEvent, type KeyboardEvent } from "react";
import {
  Background, Controls, MiniMap, Panel, ReactFlow, SelectionMode, useConnection, useReactFlow,
  type Connection as Drawn, type EdgeChange, type NodeChange,
} from "@xyflow/react";
import { useComputedColorScheme } from "@mantine/core";
import { useText } from "../text/text";
import { addStep, clipOf, connect, disconnect, moveSteps, paste, removeComments, removeSteps, groupSteps, type Clip } from "./edits";
import { refusal, type Connection } from "./graph";
import { GRID, STEP } from "./layout";
import { commentOf, connectionOfEdge, edgesOf, nodeMaker, type CanvasEdge, type CanvasNode } from "./nodes";
import { CommentNode, GroupNode } from "./notes";
import { COMPONENT_TYPE } from "./palette";
import { StepNode } from "./step-node";
import { useCanvas, useDraft, useStore, type CanvasStore } from "./store";
import type { Point } from "./types";
import { useView } from "./view";
import { refusalText } from "./words";

const NODE_TYPES = { step: StepNode, comment: CommentNode, frame: GroupNode };
const MAP = { width: 150, height: 104 };
/** How everything is shown: never larger than it is, and above the map and the buttons. */
export const FIT = { maxZoom: 1, padding: { x: 0.12, top: 0.12, bottom: `${MAP.height + 30}px` } } as const;
/** With more, what is out of sight is not drawn, and panning draws what comes into sight; with fewer, Tab reaches all. */
const MANY = 300;
const PASTED = { x: 2 * GRID, y: 2 * GRID };
const REFUSAL_MILLISECONDS = 6_000;

/** The steps and their connections, to be seen and changed. */
export function CanvasView() {
  const text = useText();
  const store = useStore();
  const { components, mayEdit } = useView();
  const flow = useReactFlow<CanvasNode, CanvasEdge>();
  const scheme = useComputedColorScheme("light");
  const canvas = useCanvas((state) => state);
  const draft = useDraft();
  const [makeNodes] = useState(nodeMaker);
  const nodes = useMemo(() => makeNodes(canvas), [makeNodes, canvas]);
  const edges = useMemo(() => edgesOf(draft, components, canvas.selected), [draft, components, canvas.selected]);
  const [wasEmpty] = useState(nodes.length === 0);
  const [refused, setRefused] = useState<string | null>(null);
  const isValid = useCallback(
    (drawn: Drawn | CanvasEdge) => refusal(store.draft().pipeline, components, connectionOf(drawn)) === null,
    [store, components],
  );
  const onDrop = (event: DragEvent) => {
    const component = components.get(event.dataTransfer.getData(COMPONENT_TYPE));
    if (!component) return;
    event.preventDefault();
    const { x, y } = flow.screenToFlowPosition({ x: event.clientX, y: event.clientY });
    addSelected(store, (old) => addStep(old, component, onGrid({ x: x - STEP.width / 2, y: y - STEP.height / 2 })));
  };
  return (
    <div
      className="canvas" data-testid="canvas" role="region" aria-label={text("designer.canvas")}
      onKeyDown={(event) => mayEdit && onKey(event, store, text("designer.group"))}
      onCopy={(event) => copy(event, store)}
      onCut={(event) => {
        if (mayEdit && copy(event, store)) removeSelected(store);
      }}
      onPaste={(event) => mayEdit && pasted(event, store)}
    >
      <ReactFlow
        nodes={nodes} edges={edges} nodeTypes={NODE_TYPES} colorMode={scheme}
        onNodesChange={(changes) => onNodes(changes, store, mayEdit)}
        onEdgesChange={(changes) => onEdges(changes, store)}
        onNodeDragStop={() => store.edit((old) => moveSteps(old, store.get().moving ?? {}))}
        onSelectionDragStop={() => store.edit((old) => moveSteps(old, store.get().moving ?? {}))}
        onConnect={(drawn) => store.edit((old) => connect(old, connectionOf(drawn)))}
        onConnectStart={() => setRefused(null)}
        onConnectEnd={(_, { fromHandle, toHandle }) => {
          if (!fromHandle || !toHandle) return;
          const [source, target] = fromHandle.type === "source" ? [fromHandle, toHandle] : [toHandle, fromHandle];
          const drawn = { from: source.nodeId, output: source.id ?? "", to: target.nodeId, input: target.id ?? "" };
          const why = refusal(store.draft().pipeline, components, drawn);
          if (source.type === target.type || !why) return;
          const said = refusalText(text, why);
          setRefused(said);
          setTimeout(() => setRefused((now) => (now === said ? null : now)), REFUSAL_MILLISECONDS);
        }}
        isValidConnection={isValid}
        onDragOver={(event) => {
          if (event.dataTransfer.types.includes(COMPONENT_TYPE)) event.preventDefault();
        }}
        onDrop={onDrop}
        nodesDraggable={mayEdit} nodesConnectable={mayEdit} deleteKeyCode={null} edgesFocusable={false}
        selectionMode={SelectionMode.Partial} multiSelectionKeyCode={["Control", "Meta", "Shift"]}
        snapToGrid snapGrid={[GRID, GRID]} connectionRadius={28} minZoom={0.15} maxZoom={1.6}
        fitView={!wasEmpty} fitViewOptions={FIT} zoomOnDoubleClick={false}
        elevateNodesOnSelect={false} onlyRenderVisibleElements={nodes.length > MANY} proOptions={{ hideAttribution: true }} ariaLabelConfig={labels(text)}
      >
        <Background gap={2 * GRID} />
        <MiniMap style={MAP} pannable zoomable nodeColor="var(--designer-map)" />
        <Controls showInteractive={false} fitViewOptions={FIT} />
        <Refused kept={refused} />
        {nodes.length === 0 && <Panel position="top-center" className="canvas-empty">{text("designer.emptyCanvas")}</Panel>}
      </ReactFlow>
    </div>
  );
}

/** Why the connection that is drawn would be refused. */
function Refused({ kept }: { kept: string | null }) {
  const text = useText();
  const { components } = useView();
  const store = useStore();
  const now = useConnection((connection) => {
    const { fromHandle, toHandle } = connection;
    if (!fromHandle || !toHandle || fromHandle.type === toHandle.type) return null;
    const [source, target] = fromHandle.type === "source" ? [fromHandle, toHandle] : [toHandle, fromHandle];
    const why = refusal(store.draft().pipeline, components, {
      from: source.nodeId, output: source.id ?? "", to: target.nodeId, input: target.id ?? "",
    });
    return why && refusalText(text, why);
  });
  const said = now ?? kept;
  return (
    <Panel position="top-center">
      <div role="status" className={said ? "canvas-refused" : ""}>{said}</div>
    </Panel>
  );
}

function connectionOf(drawn: Drawn | CanvasEdge): Required<Connection> {
  return { from: drawn.source, output: drawn.sourceHandle ?? "", to: drawn.target, input: drawn.targetHandle ?? "" };
}

const onGrid = ({ x, y }: Point): Point => ({ x: Math.round(x / GRID) * GRID, y: Math.round(y / GRID) * GRID });

/** Edits the draft, and selects the steps that came of it. */
export function addSelected(store: CanvasStore, change: Parameters<CanvasStore["edit"]>[0]): void {
  const before = store.draft().pipeline.steps;
  store.edit(change);
  store.select(Object.keys(store.draft().pipeline.steps).filter((name) => !(name in before)));
}

function onNodes(changes: NodeChange<CanvasNode>[], store: CanvasStore, mayEdit: boolean): void {
  const chosen = changes.filter((change) => change.type === "select");
  if (chosen.length) selectChanged(store, chosen);
  if (!mayEdit) return;
  const moved = changes.flatMap((change) => (change.type === "position" && change.position ? [change] : []));
  if (moved.length === 0) return;
  const places = Object.fromEntries(moved.map(({ id, position }) => [id, position ?? { x: 0, y: 0 }]));
  if (moved.some(({ dragging }) => dragging)) {
    store.update((state) => ({ ...state, moving: { ...state.moving, ...places } }));
  } else if (store.get().moving === null) {
    // The arrow keys move without dragging.
    store.edit((draft) => moveSteps(draft, places), `move ${Object.keys(places).join()}`);
  }
}

const onEdges = (changes: EdgeChange<CanvasEdge>[], store: CanvasStore): void =>
  selectChanged(store, changes.filter((change) => change.type === "select"));

function selectChanged(store: CanvasStore, changes: { id: string; selected: boolean }[]): void {
  if (changes.length === 0) return;
  const selected = new Set(store.get().selected);
  for (const { id, selected: isSelected } of changes) {
    if (isSelected) selected.add(id);
    else selected.delete(id);
  }
  store.select(selected);
}

const isTyping = (target: EventTarget): boolean =>
  target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable=true]") !== null;

function onKey(event: KeyboardEvent, store: CanvasStore, title: string): void {
  if (isTyping(event.target)) return;
  const { draft } = store;
  const isCommand = event.ctrlKey || event.metaKey;
  if (event.key === "Delete" || event.key === "Backspace") {
    removeSelected(store);
  } else if (isCommand && event.key.toLowerCase() === "a") {
    store.select(Object.keys(draft().pipeline.steps));
  } else if (isCommand && event.key.toLowerCase() === "g") {
    store.edit((old) => groupSteps(old, [...store.get().selected], title));
  } else {
    return;
  }
  event.preventDefault();
}

export function removeSelected(store: CanvasStore): void {
  const ids = [...store.get().selected];
  const connections = ids.map(connectionOfEdge).filter((each) => each !== null);
  const comments = ids.map(commentOf).filter((id) => id !== null);
  store.edit((draft) => removeComments(removeSteps(connections.reduce(disconnect, draft), ids), comments));
  store.select([]);
}

function copy(event: ClipboardEvent, store: CanvasStore): boolean {
  if (isTyping(event.target)) return false;
  const clip = clipOf(store.draft(), [...store.get().selected]);
  if (Object.keys(clip.steps).length === 0) return false;
  event.clipboardData.setData("text/plain", JSON.stringify(clip));
  event.preventDefault();
  return true;
}

function pasted(event: ClipboardEvent, store: CanvasStore): void {
  if (isTyping(event.target)) return;
  const clip = readClip(event.clipboardData.getData("text/plain"));
  if (!clip) return;
  event.preventDefault();
  addSelected(store, (draft) => paste(draft, clip, PASTED).draft);
}

function readClip(content: string): Clip | null {
  try {
    const { steps, positions } = JSON.parse(content) as Partial<Clip>;
    return steps && positions ? { steps, positions } : null;
  } catch {
    return null;
  }
}

function labels(text: ReturnType<typeof useText>) {
  return {
    "node.a11yDescription.default": text("designer.nodeHelp"),
    "node.a11yDescription.keyboardDisabled": text("designer.nodeHelp"),
    "edge.a11yDescription.default": text("designer.edgeHelp"),
    "controls.ariaLabel": text("designer.controls"),
    "controls.zoomIn.ariaLabel": text("designer.zoomIn"),
    "controls.zoomOut.ariaLabel": text("designer.zoomOut"),
    "controls.fitView.ariaLabel": text("designer.fit"),
    "minimap.ariaLabel": text("designer.map"),
    "handle.ariaLabel": text("designer.port"),
  };
}
