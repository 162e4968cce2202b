import { useState } from "react";
import { Anchor, Button, Divider, Group, MultiSelect, Select, Stack, Switch, Text, TextInput } from "@mantine/core";
import { Fields } from "../parts/fields";
import { Markdown } from "../parts/markdown";
import { fieldsOf } from "../parts/schema";
import { useText } from "../text/text";
import { CodeStep } from "./code-step";
import { canBeName, connect, disconnect, renameStep, setParameter, setSetting } from "./edits";
import { componentOf, connectionsOf, isBehind, portsOf, refusal, titleOf } from "./graph";
import { useDraft, useStore } from "./store";
import type { Columns, Component, Step } from "./types";
import { useView } from "./view";
import { kindText } from "./words";

/** The form of a step: its name, where its data come from, and its parameters. */
export function StepSettings({ name, step }: { name: string; step: Step }) {
  const text = useText();
  const { components } = useView();
  const component = componentOf(step, components);
  return (
    <Stack gap="sm">
      <Name key={name} name={name} />
      <Text size="xs" c="dimmed">{titleOf(step, components)}</Text>
      {component && <About component={component} />}
      <Sources name={name} step={step} />
      {component && <Parameters name={name} step={step} component={component} />}
      {!component && <CodeStep name={name} step={step} />}
      <Divider label={text("designer.howItRuns")} labelPosition="left" />
      <HowItRuns name={name} step={step} />
    </Stack>
  );
}

function Name({ name }: { name: string }) {
  const text = useText();
  const store = useStore();
  const { mayEdit, problems } = useView();
  const [typed, setTyped] = useState(name);
  const isWrong = typed !== name && !canBeName(store.draft(), typed);
  const own = problems.get(name)?.filter(({ input, parameter }) => !input && !parameter) ?? [];
  const apply = () => {
    if (typed === name || isWrong) return setTyped(name);
    store.edit((draft) => renameStep(draft, name, typed));
    store.select([typed]);
  };
  return (
    <>
      <TextInput
        size="xs" label={text("designer.stepName")} value={typed} readOnly={!mayEdit}
        error={isWrong ? text("designer.badName") : undefined}
        onChange={(event) => setTyped(event.currentTarget.value)} onBlur={apply}
        onKeyDown={(event) => {
          if (event.key === "Enter") apply();
          if (event.key === "Escape") setTyped(name);
        }}
      />
      {own.map(({ message }) => <Text key={message} size="xs" c="var(--mantine-color-error)" role="alert">{message}</Text>)}
    </>
  );
}

/** The first paragraph of a component's page, and the rest when asked for. */
function About({ component: { title, description } }: { component: Component }) {
  const text = useText();
  const [isWhole, setIsWhole] = useState(false);
  const [first = "", ...rest] = description.trim().split(/\n\s*\n/);
  return (
    <Stack gap={6} style={{ minWidth: 0 }}>
      <Markdown source={first} label={title} />
      {isWhole && <Markdown source={rest.join("\n\n")} label={title} />}
      {rest.length > 0 && (
        <Anchor component="button" type="button" size="xs" ta="start" onClick={() => setIsWhole(!isWhole)} aria-expanded={isWhole}>
          {text(isWhole ? "designer.less" : "designer.more")}
        </Anchor>
      )}
    </Stack>
  );
}

/** Where each input comes from: the same as drawing connections, for the keyboard. */
function Sources({ name, step }: { name: string; step: Step }) {
  const text = useText();
  const store = useStore();
  const { pipeline } = useDraft();
  const { components, mayEdit, problems } = useView();
  const { inputs } = portsOf(step, components);
  const connected = connectionsOf(pipeline, components).filter(({ to }) => to === name);
  const outputs = Object.entries(pipeline.steps).flatMap(([from, other]) =>
    portsOf(other, components).outputs.map(({ name: output }) => ({ from, output })),
  );
  return inputs.map((port) => {
    const now = connected.find(({ input }) => input === port.name);
    const fitting = outputs.filter((each) => refusal(pipeline, components, { ...each, to: name, input: port.name }) === null);
    const other = step.inputs?.[port.name];
    const fixed = other !== undefined && !now ? JSON.stringify(other) : undefined;
    return (
      <Select
        key={port.name} size="xs" label={`${port.name} (${kindText(text, port.kind)})`} description={port.description || undefined}
        withAsterisk={!port.optional} searchable clearable readOnly={!mayEdit} placeholder={fixed ?? text("designer.notConnected")}
        error={problems.get(name)?.find(({ input }) => input === port.name)?.message}
        data={fitting.map(({ from, output }) => ({ value: `${from}.${output}`, label: `${from} · ${output}` }))}
        value={now ? `${now.from}.${now.output ?? ""}` : null}
        onChange={(value) => {
          if (value === null) return store.edit((draft) => disconnect(draft, { from: "", to: name, input: port.name }));
          const [from = "", output = ""] = value.split(".");
          store.edit((draft) => connect(draft, { from, output, to: name, input: port.name }));
        }}
      />
    );
  });
}

function Parameters({ name, step, component }: { name: string; step: Step; component: Component }) {
  const store = useStore();
  const { pipeline } = useDraft();
  const { columns, components, mayEdit, problems } = useView();
  const connected = connectionsOf(pipeline, components).filter(({ to }) => to === name);
  const columnsOf = (port: string): Columns | null => {
    const from = connected.find(({ input }) => input === port);
    return (from && columns[from.from]?.[from.output ?? ""]) ?? null;
  };
  return (
    <Fields
      key={`${name} ${component.name}`} fields={fieldsOf(component.schema)} values={step.component?.parameters ?? {}} columnsOf={columnsOf}
      parameters={Object.keys(pipeline.parameters ?? {})} isReadOnly={!mayEdit}
      problem={(parameter) => problems.get(name)?.find((each) => each.parameter?.split(".")[0] === parameter)?.message}
      set={(parameter, value) => store.edit((draft) => setParameter(draft, name, parameter, value), `${name} ${parameter}`)}
    />
  );
}

function HowItRuns({ name, step }: { name: string; step: Step }) {
  const text = useText();
  const store = useStore();
  const { pipeline } = useDraft();
  const { mayEdit } = useView();
  const set = (setting: string, value: unknown) =>
    store.edit((draft) => setSetting(draft, name, setting, value), `${name} ${setting}`);
  const others = Object.keys(pipeline.steps).filter((other) => other !== name && !isBehind(pipeline, other, name));
  const shared = { size: "xs" as const, readOnly: !mayEdit };
  return (
    <>
      <TextInput
        {...shared} label={text("run.target")} placeholder="local" value={typeof step.compute_target === "string" ? step.compute_target : ""}
        onChange={({ currentTarget: { value } }) => set("compute_target", value || undefined)}
      />
      <MultiSelect
        {...shared} label={text("designer.runAfter")} data={others} value={step.run_after ?? []} searchable
        onChange={(value) => set("run_after", value.length ? value : undefined)}
      />
      <TextInput
        {...shared} label={text("designer.when")} placeholder="parameters.rows > 100" value={typeof step.when === "string" ? step.when : ""}
        onChange={({ currentTarget: { value } }) => set("when", value || undefined)}
      />
      <Switch
        size="xs" label={text("designer.reuse")} checked={step.allow_reuse !== false} disabled={!mayEdit}
        onChange={({ currentTarget: { checked } }) => set("allow_reuse", checked ? undefined : false)}
      />
    </>
  );
}

/** What is done with several steps at once. */
export function Several({ names, group, ungroup, remove }: { names: string[]; group: () => void; ungroup: () => void; remove: () => void }) {
  const text = useText();
  const { mayEdit } = useView();
  return (
    <Stack gap="sm">
      <Text size="sm">{text("designer.selected", { n: names.length })}</Text>
      {mayEdit && (
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={group}>{text("designer.group")}</Button>
          <Button size="xs" variant="default" onClick={ungroup}>{text("designer.ungroup")}</Button>
          <Button size="xs" variant="default" onClick={remove}>{text("run.delete")}</Button>
        </Group>
      )}
    </Stack>
  );
}
