/** What a pipeline's document says of ports and connections. */
import type { Component, Components, Pipeline, Port, Step } from "./types";

export type Ports = { inputs: Port[]; outputs: Port[] };

/** From an output to an input; without those, a step only waits for the other. */
export type Connection = { from: string; output?: string; to: string; input?: string };

const ANY = "any";

/** The type of data that a kind is in a pipeline's document. */
const TYPES: Record<string, string> = { learner: "json", report: "json", transformation: "folder" };
const typeOf = (kind: string): string => TYPES[kind] ?? kind;

/** What else can be read as a kind, and as a type: a table is a file. */
const KINDS_OF: Record<string, string[]> = {
  json: ["report", "learner"], folder: ["model", "transformation"], file: ["table"],
};
const TYPES_OF: Record<string, string[]> = { folder: ["model", "dataset"], file: ["table", "json"] };

const port = (name: string, kind: string, description = ""): Port => ({ name, kind, description, optional: true });

export const componentOf = (step: Step, components: Components): Component | undefined =>
  step.component && components.get(step.component.name);

/** The ports of a step: its component's, or the inputs and outputs that its document names. */
export function portsOf(step: Step, components: Components): Ports {
  const component = componentOf(step, components);
  const declared = {
    inputs: Object.entries(step.inputs ?? {}).map(([name, input]) =>
      port(name, typeof input === "object" && typeof input.type === "string" ? input.type : ANY),
    ),
    outputs: Object.entries(step.outputs ?? {}).map(([name, output]) => port(name, outputKind(output))),
  };
  if (!component) return declared;
  return { inputs: merged(component.inputs, declared.inputs), outputs: merged(component.outputs, declared.outputs) };
}

function merged(first: Port[], more: Port[]): Port[] {
  const known = new Set(first.map(({ name }) => name));
  return [...first, ...more.filter(({ name }) => !known.has(name))];
}

function outputKind(output: unknown): string {
  if (typeof output === "string") return output;
  if (output !== null && typeof output === "object" && "type" in output) return String(output.type);
  return "folder";
}

/** All connections; an output that is not named is the input's namesake or the only one. */
export function connectionsOf(pipeline: Pipeline, components: Components): Connection[] {
  return Object.entries(pipeline.steps).flatMap(([to, step]) => [
    ...Object.entries(step.inputs ?? {}).flatMap(([input, value]): Connection[] => {
      if (typeof value === "string" || value.step === undefined) return [];
      const output = value.output ?? namesake(pipeline.steps[value.step], input, components);
      return [{ from: value.step, to, input, ...(output === undefined ? {} : { output }) }];
    }),
    ...(step.run_after ?? []).map((from): Connection => ({ from, to })),
  ]);
}

function namesake(step: Step | undefined, input: string, components: Components): string | undefined {
  const names = step ? portsOf(step, components).outputs.map(({ name }) => name) : [];
  return names.includes(input) ? input : names.length === 1 ? names[0] : undefined;
}

export type Refusal =
  | { why: "kind"; given: string; wanted: string }
  | { why: "circle"; from: string; to: string }
  | { why: "missing" };

/** Why an output cannot go into an input; null if it can. */
export function refusal(pipeline: Pipeline, components: Components, wanted: Required<Connection>): Refusal | null {
  const [source, target] = [pipeline.steps[wanted.from], pipeline.steps[wanted.to]];
  const output = source && portsOf(source, components).outputs.find(({ name }) => name === wanted.output);
  const input = target && portsOf(target, components).inputs.find(({ name }) => name === wanted.input);
  if (!output || !input) return { why: "missing" };
  if (wanted.from === wanted.to || isBehind(pipeline, wanted.from, wanted.to)) {
    return { why: "circle", from: wanted.from, to: wanted.to };
  }
  return takes(target, input, source, output) ? null : { why: "kind", given: output.kind, wanted: input.kind };
}

/** Whether an input can read an output; only components tell more than the type of the data. */
export function takes(target: Step, input: Port, source: Step, output: Port): boolean {
  const [wanted, given] = [input.kind, output.kind];
  if (wanted === ANY || given === ANY) return true;
  if (target.component && source.component) return wanted === given || (KINDS_OF[wanted]?.includes(given) ?? false);
  const [type, other] = [typeOf(wanted), typeOf(given)];
  return type === other || (TYPES_OF[type]?.includes(other) ?? false);
}

/** Whether a step needs another, directly or by others. */
export function isBehind(pipeline: Pipeline, step: string, other: string): boolean {
  const seen = new Set<string>();
  const open = [step];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const before of upstream(pipeline.steps[name])) {
      if (before === other) return true;
      if (!seen.has(before)) open.push(before);
      seen.add(before);
    }
  }
  return false;
}

function upstream(step: Step | undefined): string[] {
  const linked = Object.values(step?.inputs ?? {}).flatMap((input) =>
    typeof input === "object" && input.step !== undefined ? [input.step] : [],
  );
  return [...linked, ...(step?.run_after ?? [])];
}

/** What a step is, for people: its component's title, or what it runs. */
export function titleOf(step: Step, components: Components): string {
  if (step.component) return componentOf(step, components)?.title ?? step.component.name;
  const called = step.function as { name: string } | undefined;
  if (called) return `${called.name}()`;
  const automl = step.automl as { task?: string } | undefined;
  if (automl) return `AutoML: ${automl.task ?? ""}`;
  const command = Array.isArray(step.command) ? step.command.join(" ") : step.command;
  const first = [step.module, step.script, command].find((each) => typeof each === "string");
  return first ?? (step.transfer ? "→" : "");
}
