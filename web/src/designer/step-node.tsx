import { memo } from "react";
import { Handle, Position, useConnection, type Node, type NodeProps } from "@xyflow/react";
import { duration } from "../parts/forms";
import { Status } from "../parts/status";
import { useText } from "../text/text";
import { kindText } from "./words";
import { portsOf, takes, titleOf } from "./graph";
import { AFTER } from "./nodes";
import { useCanvas } from "./store";
import type { Port, Step } from "./types";
import { useView, type StepState } from "./view";

export type StepNodeType = Node<{ step: Step }, "step">;

/** A step with its ports: data come in above and out below. */
export const StepNode = memo(function StepNode({ id, data: { step }, isConnectable }: NodeProps<StepNodeType>) {
  const text = useText();
  const { components, problems, states } = useView();
  const { inputs, outputs } = portsOf(step, components);
  const state = states.get(id);
  const mistakes = problems.get(id) ?? [];
  return (
    <div className={`step ${mistakes.length ? "step-wrong" : ""}`} data-testid={`step ${id}`}>
      <Ports ports={inputs} side="input" step={id} self={step} isConnectable={isConnectable} />
      <span className="step-name truncated" title={id}>{id}</span>
      <span className="step-kind truncated">{titleOf(step, components)}</span>
      <span className="step-state">
        {state && <State state={state} />}
        {mistakes.length > 0 && (
          <span className="step-problems" title={mistakes.map(({ message }) => message).join("\n")}>
            {text("designer.problems", { n: mistakes.length })}
          </span>
        )}
      </span>
      <Ports ports={outputs} side="output" step={id} self={step} isConnectable={isConnectable} />
      <Handle id={AFTER} type="target" position={Position.Top} isConnectable={false} className="port-hidden" />
      <Handle id={AFTER} type="source" position={Position.Bottom} isConnectable={false} className="port-hidden" />
    </div>
  );
});

/** How a step is doing, or was. */
export function State({ state }: { state: StepState }) {
  const text = useText();
  if (state.skipped !== null) return <span className="step-note">{text("steps.skipped")}</span>;
  return (
    <>
      <Status status={state.status} />
      <span className="step-note numbers">
        {state.reused ? text("steps.reused") : state.duration === null ? "" : duration(state.duration)}
      </span>
    </>
  );
}

type PortsProps = { ports: Port[]; side: "input" | "output"; step: string; self: Step; isConnectable: boolean };

function Ports({ ports, side, step, self, isConnectable }: PortsProps) {
  const { states, run, preview } = useView();
  const text = useText();
  const dragged = useDragged();
  const isDone = side === "output" && run !== null && states.get(step)?.status === "Completed";
  return ports.map((port, index) => {
    const style = { insetInlineStart: `${((index + 1) / (ports.length + 1)) * 100}%` };
    return (
      <div key={port.name} className={`port port-${side}`} style={style}>
        <Handle
          id={port.name} type={side === "input" ? "target" : "source"} isConnectable={isConnectable}
          position={side === "input" ? Position.Top : Position.Bottom}
          className={`port-${port.kind} ${port.optional && side === "input" ? "port-optional" : ""}`}
          title={`${port.name}: ${kindText(text, port.kind)}${port.description ? ` – ${port.description}` : ""}`}
          data-fits={dragged && fits(dragged, side, self, port)}
        />
        {isDone
          ? (
            <button
              type="button" className="port-name port-shown nodrag" onClick={() => preview(step, port.name)}
              aria-label={text("designer.previewOf", { output: port.name, step })}
            >
              {port.name}
            </button>
          )
          : <span className="port-name">{port.name}</span>}
      </div>
    );
  });
}

type Dragged = { side: "input" | "output"; step: Step; port: Port };

/** The port that a connection is being drawn from. */
function useDragged(): Dragged | null {
  const { components } = useView();
  const from = useConnection((connection) => (connection.inProgress ? connection.fromHandle : null));
  const step = useCanvas(({ history }) => (from ? history.present.pipeline.steps[from.nodeId] : undefined));
  if (!from || !step) return null;
  const side = from.type === "source" ? "output" : "input";
  const port = portsOf(step, components)[`${side}s`].find(({ name }) => name === from.id);
  return port ? { side, step, port } : null;
}

function fits(dragged: Dragged, side: "input" | "output", step: Step, port: Port): boolean {
  if (dragged.side === side) return false;
  return side === "input" ? takes(step, port, dragged.step, dragged.port) : takes(dragged.step, dragged.port, step, port);
}
