import { useState } from "react";
import { ActionIcon, Button, Group, Select, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { Icon } from "../parts/icon";
import { valueOf } from "../parts/parameters";
import { useText } from "../text/text";
import { setPipeline, setPipelineParameter } from "./edits";
import { useDraft, useStore } from "./store";
import type { PipelineParameter } from "./types";
import { useView } from "./view";

const TYPES = ["boolean", "integer", "double", "string", "list"];
const NAME = /^[A-Za-z_]\w*$/;

/** What is said of the pipeline as a whole, and its parameters. */
export function PipelineSettings() {
  const text = useText();
  const store = useStore();
  const { pipeline } = useDraft();
  const { mayEdit } = useView();
  const [typed, setTyped] = useState("");
  const shared = { size: "xs" as const, readOnly: !mayEdit };
  const parameters = Object.entries(pipeline.parameters ?? {});
  const canAdd = NAME.test(typed) && !(typed in (pipeline.parameters ?? {}));
  const add = () => {
    if (!canAdd) return;
    store.edit((draft) => setPipelineParameter(draft, typed, { type: "string", default: "" }));
    setTyped("");
  };
  return (
    <Stack gap="sm">
      <TextInput
        {...shared} label={text("designer.pipelineName")} value={pipeline.name ?? ""}
        onChange={({ currentTarget: { value } }) => store.edit((draft) => setPipeline(draft, { name: value }), "name")}
      />
      <Textarea
        {...shared} label={text("run.description")} autosize minRows={2} maxRows={8} value={pipeline.description ?? ""}
        onChange={({ currentTarget: { value } }) => store.edit((draft) => setPipeline(draft, { description: value }), "description")}
      />
      <Title order={3} size="sm">{text("run.params")}</Title>
      <Text size="xs" c="dimmed">{text("designer.aboutParameters")}</Text>
      {parameters.map(([name, given]) => <Parameter key={name} name={name} given={given} />)}
      {mayEdit && (
        <Group gap={6} wrap="nowrap">
          <TextInput
            size="xs" style={{ flex: 1 }} aria-label={text("designer.newParameter")} placeholder={text("designer.newParameter")} value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)} onKeyDown={(event) => event.key === "Enter" && add()}
          />
          <Button size="xs" variant="default" disabled={!canAdd} onClick={add}>{text("designer.add")}</Button>
        </Group>
      )}
    </Stack>
  );
}

function Parameter({ name, given }: { name: string; given: unknown }) {
  const text = useText();
  const store = useStore();
  const { mayEdit } = useView();
  const parameter = parameterOf(given);
  const [typed, setTyped] = useState(() => shownDefault(parameter));
  const set = (change: PipelineParameter) =>
    store.edit((draft) => setPipelineParameter(draft, name, { ...parameter, ...change }), `parameter ${name}`);
  const setDefault = (value: string, type = parameter.type ?? "string") =>
    set({ type, default: value === "" && type !== "string" ? undefined : valueOf(value, type) });
  return (
    <Stack gap={4} className="panel" p="xs" component="section" aria-label={name}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={600} className="truncated">{name}</Text>
        {mayEdit && (
          <ActionIcon
            variant="subtle" color="gray" size="sm" aria-label={text("designer.removeParameter", { name })}
            onClick={() => store.edit((draft) => setPipelineParameter(draft, name, undefined))}
          >
            <Icon name="close" size={12} />
          </ActionIcon>
        )}
      </Group>
      <Group gap={6} wrap="nowrap">
        <Select
          size="xs" w={96} aria-label={text("run.type")} data={TYPES} value={parameter.type ?? "string"} allowDeselect={false} readOnly={!mayEdit}
          onChange={(type) => type && setDefault(typed, type)}
        />
        <TextInput
          size="xs" style={{ flex: 1 }} aria-label={text("designer.default")} placeholder={text("designer.default")} value={typed} readOnly={!mayEdit}
          onChange={({ currentTarget: { value } }) => {
            setTyped(value);
            setDefault(value);
          }}
        />
      </Group>
      <TextInput
        size="xs" aria-label={text("run.description")} placeholder={text("run.description")} value={parameter.description ?? ""} readOnly={!mayEdit}
        onChange={({ currentTarget: { value } }) => set({ description: value })}
      />
    </Stack>
  );
}

/** A parameter may be its default alone. */
export function parameterOf(given: unknown): PipelineParameter {
  if (given !== null && typeof given === "object" && !Array.isArray(given)) return given;
  const type = Array.isArray(given) ? "list" : typeof given === "boolean" ? "boolean" : typeof given === "number" ? (Number.isInteger(given) ? "integer" : "double") : "string";
  return { type, default: given };
}

function shownDefault({ default: value }: PipelineParameter): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
