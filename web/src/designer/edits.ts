/** What people do to a draft: each makes a new one of an old one, and shares what stays as it was. */
import type { Connection } from "./graph";
import type { Comment, Component, Draft, Layout, Pipeline, PipelineParameter, Point, Step, StepInput } from "./types";

export type Clip = { steps: Record<string, Step>; positions: Record<string, Point> };

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const canBeName = (draft: Draft, name: string): boolean => NAME.test(name) && !(name in draft.pipeline.steps);

/** The name, or one with a number behind it. */
export function freeName(taken: object, wanted: string): string {
  const stem = wanted.replace(/_\d+$/, "");
  if (!(wanted in taken)) return wanted;
  let number = 2;
  while (`${stem}_${number}` in taken) number += 1;
  return `${stem}_${number}`;
}

const withPipeline = (draft: Draft, change: Partial<Pipeline>): Draft => ({
  ...draft,
  pipeline: { ...draft.pipeline, ...change },
});
const withSteps = (draft: Draft, steps: Record<string, Step>): Draft => withPipeline(draft, { steps });
const withLayout = (draft: Draft, change: Partial<Layout>): Draft => ({ ...draft, layout: { ...draft.layout, ...change } });

function mapped<T, R>(all: Record<string, T> | undefined, made: (value: T, key: string) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(all ?? {}).map(([key, value]) => [key, made(value, key)]));
}

function without<T>(all: Record<string, T> | undefined, ...keys: string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(all ?? {}).filter(([key]) => !keys.includes(key)));
}

export function addStep(draft: Draft, component: Component, at: Point): Draft {
  const name = freeName(draft.pipeline.steps, component.name);
  const step: Step = { component: { name: component.name, version: component.version, parameters: {} } };
  return withLayout(withSteps(draft, { ...draft.pipeline.steps, [name]: step }), {
    positions: { ...draft.layout.positions, [name]: at },
  });
}

export function changeStep(draft: Draft, name: string, change: (step: Step) => Step): Draft {
  const step = draft.pipeline.steps[name];
  if (!step) return draft;
  const next = change(step);
  return next === step ? draft : withSteps(draft, { ...draft.pipeline.steps, [name]: next });
}

/** Sets what a step says beside its parameters; undefined leaves it out. */
export function setSetting(draft: Draft, name: string, setting: string, value: unknown): Draft {
  return changeStep(draft, name, (step) => {
    const rest = without(step, setting);
    return value === undefined ? rest : { ...rest, [setting]: value };
  });
}

/** Sets a parameter of a step's component; undefined leaves it to the component. */
export function setParameter(draft: Draft, name: string, parameter: string, value: unknown): Draft {
  return changeStep(draft, name, (step) => {
    if (!step.component) return step;
    const rest = without(step.component.parameters, parameter);
    const parameters = value === undefined ? rest : { ...rest, [parameter]: value };
    return { ...step, component: { ...step.component, parameters } };
  });
}

export function connect(draft: Draft, { from, output, to, input }: Required<Connection>): Draft {
  return changeStep(draft, to, (step) => ({ ...step, inputs: { ...step.inputs, [input]: { step: from, output } } }));
}

export function disconnect(draft: Draft, { from, to, input }: Connection): Draft {
  return changeStep(draft, to, (step) =>
    input === undefined
      ? { ...step, run_after: (step.run_after ?? []).filter((each) => each !== from) }
      : { ...step, inputs: without(step.inputs, input) },
  );
}

export function moveSteps(draft: Draft, places: Record<string, Point>): Draft {
  const positions = { ...draft.layout.positions };
  const comments = draft.layout.comments.map((each) => ({ ...each, ...places[`comment:${each.id}`] }));
  for (const [name, at] of Object.entries(places)) if (name in draft.pipeline.steps) positions[name] = at;
  return withLayout(draft, { positions, comments });
}

export function removeSteps(draft: Draft, names: string[]): Draft {
  const gone = new Set(names);
  if (!names.some((name) => name in draft.pipeline.steps)) return draft;
  const steps = mapped(without(draft.pipeline.steps, ...names), (step) => withoutSteps(step, gone));
  const groups = draft.layout.groups
    .map((group) => ({ ...group, steps: group.steps.filter((name) => !gone.has(name)) }))
    .filter((group) => group.steps.length > 0);
  return withLayout(withSteps(draft, steps), { positions: without(draft.layout.positions, ...names), groups });
}

/** A step that does not refer to others that go. */
function withoutSteps(step: Step, gone: ReadonlySet<string>): Step {
  const isGone = (input: StepInput) => typeof input === "object" && input.step !== undefined && gone.has(input.step);
  const lost = Object.entries(step.inputs ?? {}).filter(([, input]) => isGone(input)).map(([name]) => name);
  const waits = (step.run_after ?? []).filter((name) => gone.has(name));
  if (lost.length === 0 && waits.length === 0) return step;
  return {
    ...step,
    ...(lost.length ? { inputs: without(step.inputs, ...lost) } : {}),
    ...(waits.length ? { run_after: step.run_after?.filter((name) => !gone.has(name)) ?? [] } : {}),
  };
}

export function renameStep(draft: Draft, old: string, name: string): Draft {
  if (!(old in draft.pipeline.steps) || !canBeName(draft, name)) return draft;
  const names = new Map([[old, name]]);
  const keyed = <T>(all: Record<string, T>) =>
    Object.fromEntries(Object.entries(all).map(([key, value]) => [key === old ? name : key, value]));
  return withLayout(withSteps(draft, keyed(mapped(draft.pipeline.steps, (step) => renamedIn(step, names)))), {
    positions: keyed(draft.layout.positions),
    groups: draft.layout.groups.map((group) => ({
      ...group,
      steps: group.steps.map((each) => (each === old ? name : each)),
    })),
  });
}

/** A step whose references follow the new names of others. */
function renamedIn(step: Step, names: ReadonlyMap<string, string>): Step {
  const referred = (name: string) => names.get(name) ?? name;
  const input = (value: StepInput): StepInput =>
    typeof value === "object" && value.step !== undefined && names.has(value.step)
      ? { ...value, step: referred(value.step) }
      : value;
  const each = step.for_each as { step?: string } | undefined;
  const when = typeof step.when === "string"
    ? step.when.replace(/\boutputs\.([A-Za-z_]\w*)/g, (_, name: string) => `outputs.${referred(name)}`)
    : step.when;
  return {
    ...step,
    ...(step.inputs ? { inputs: mapped(step.inputs, input) } : {}),
    ...(step.run_after ? { run_after: step.run_after.map(referred) } : {}),
    ...(when === step.when ? {} : { when }),
    ...(each?.step !== undefined && names.has(each.step) ? { for_each: { ...each, step: referred(each.step) } } : {}),
  };
}

export function setPipeline(draft: Draft, change: Pick<Pipeline, "name" | "description">): Draft {
  const rest = { ...draft.pipeline, ...change };
  if (!rest.name) delete rest.name;
  if (!rest.description) delete rest.description;
  return { ...draft, pipeline: rest };
}

/** Sets a parameter of the pipeline; undefined removes it. */
export function setPipelineParameter(draft: Draft, name: string, value: PipelineParameter | undefined): Draft {
  if (value !== undefined) {
    return withPipeline(draft, { parameters: { ...draft.pipeline.parameters, [name]: value } });
  }
  const { parameters, ...rest } = draft.pipeline;
  const left = without(parameters, name);
  return { ...draft, pipeline: Object.keys(left).length ? { ...rest, parameters: left } : rest };
}

/** What is copied: the steps, with the connections among them. */
export function clipOf(draft: Draft, names: string[]): Clip {
  const others = new Set(Object.keys(draft.pipeline.steps).filter((name) => !names.includes(name)));
  const taken = names.filter((name) => name in draft.pipeline.steps);
  return {
    steps: Object.fromEntries(taken.map((name) => [name, withoutSteps(draft.pipeline.steps[name] ?? {}, others)])),
    positions: Object.fromEntries(taken.map((name) => [name, draft.layout.positions[name] ?? { x: 0, y: 0 }])),
  };
}

/** The draft with copies, and their names. */
export function paste(draft: Draft, clip: Clip, offset: Point): { draft: Draft; names: string[] } {
  const names = new Map<string, string>();
  const steps = { ...draft.pipeline.steps };
  for (const old of Object.keys(clip.steps)) {
    const name = freeName(steps, old);
    names.set(old, name);
    steps[name] = {};
  }
  const positions = { ...draft.layout.positions };
  for (const [old, name] of names) {
    steps[name] = renamedIn(clip.steps[old] ?? {}, names);
    const at = clip.positions[old] ?? { x: 0, y: 0 };
    positions[name] = { x: at.x + offset.x, y: at.y + offset.y };
  }
  return { draft: withLayout(withSteps(draft, steps), { positions }), names: [...names.values()] };
}

export function addComment(draft: Draft, at: Point): Draft {
  const id = freeName(Object.fromEntries(draft.layout.comments.map((each) => [each.id, true])), "comment");
  return withLayout(draft, { comments: [...draft.layout.comments, { id, text: "", ...at, width: 220, height: 90 }] });
}

export function changeComment(draft: Draft, id: string, change: Partial<Comment>): Draft {
  return withLayout(draft, {
    comments: draft.layout.comments.map((each) => (each.id === id ? { ...each, ...change } : each)),
  });
}

export function removeComments(draft: Draft, ids: string[]): Draft {
  if (ids.length === 0) return draft;
  return withLayout(draft, { comments: draft.layout.comments.filter(({ id }) => !ids.includes(id)) });
}

/** Puts steps together under a title; a step is in one group at most. */
export function groupSteps(draft: Draft, names: string[], title: string): Draft {
  const steps = names.filter((name) => name in draft.pipeline.steps);
  if (steps.length === 0) return draft;
  const { groups } = ungroupSteps(draft, steps).layout;
  const id = freeName(Object.fromEntries(groups.map((each) => [each.id, true])), "group");
  return withLayout(draft, { groups: [...groups, { id, title, steps }] });
}

export function ungroupSteps(draft: Draft, names: string[]): Draft {
  const groups = draft.layout.groups
    .map((group) => ({ ...group, steps: group.steps.filter((name) => !names.includes(name)) }))
    .filter((group) => group.steps.length > 0);
  return withLayout(draft, { groups });
}

export function renameGroup(draft: Draft, id: string, title: string): Draft {
  return withLayout(draft, {
    groups: draft.layout.groups.map((group) => (group.id === id ? { ...group, title } : group)),
  });
}
