import { lazy, Suspense, useState, type ReactNode } from "react";
import {
  ActionIcon, Autocomplete, Button, Fieldset, Group, Input, Loader, Menu, MultiSelect, NumberInput, Select, Stack, Switch,
  TagsInput, Text, Textarea, TextInput,
} from "@mantine/core";
import { useWorkspace } from "../api/session";
import { useAssets } from "./assets";
import { Dialog } from "./dialog";
import { Icon } from "./icon";
import { useText } from "../text/text";
import { parameterIn, referenceTo, replaced, type Field, type Shape } from "./schema";

const Editor = lazy(() => import("./editor"));

export type FieldsProps = {
  fields: Field[];
  values: Record<string, unknown>;
  /** What is wrong with a field. */
  problem: (name: string) => string | undefined;
  /** The columns of what comes in by a port, with their types; null if they are not known yet. */
  columnsOf?: (port: string) => Record<string, string> | null;
  /** Names of the pipeline's parameters, from which a value can be taken; without them fields have no menu. */
  parameters?: string[];
  isReadOnly?: boolean;
  /** undefined leaves it as usual. */
  set: (name: string, value: unknown) => void;
};

/** A form made from a schema. */
export function Fields(props: FieldsProps) {
  return props.fields.map((field) => <FieldRow key={field.name} field={field} {...props} />);
}

function FieldRow(props: FieldsProps & { field: Field }) {
  const { field, values, set, parameters = [], isReadOnly = false } = props;
  const text = useText();
  const value = values[field.name] ?? field.initial;
  const parameter = parameterIn(values[field.name]);
  const hasMenu = props.parameters && !isReadOnly && (parameters.length > 0 || field.name in values);
  return (
    <Group align="flex-start" gap={4} wrap="nowrap">
      <div style={{ flex: 1, minWidth: 0 }}>
        {parameter !== null && parameters.length > 0
          ? (
            <Select
              {...labels(props)} data={parameters} value={parameter} readOnly={isReadOnly}
              leftSection={<Text size="xs" c="dimmed">$</Text>} allowDeselect={false}
              onChange={(name) => name && set(field.name, referenceTo(name))}
            />
          )
          : <Control {...props} value={value} />}
      </div>
      {hasMenu && (
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" size="sm" aria-label={text("designer.fieldMenu", { name: field.label })}>
              <Icon name="more" size={14} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {field.name in values && (
              <Menu.Item onClick={() => set(field.name, undefined)}>{text("designer.asUsual")}</Menu.Item>
            )}
            {parameters.map((name) => (
              <Menu.Item key={name} onClick={() => set(field.name, referenceTo(name))}>
                {text("designer.fromParameter", { name })}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  );
}

function labels({ field, problem }: FieldsProps & { field: Field }) {
  return {
    size: "xs" as const, label: field.label, description: field.description || undefined, error: problem(field.name),
    withAsterisk: field.isRequired,
  };
}

type ControlProps = FieldsProps & { field: Field; value: unknown };

function Control(props: ControlProps): ReactNode {
  const { field, value, set, isReadOnly = false } = props;
  const text = useText();
  const { shape, name } = field;
  const shared = { ...labels(props), readOnly: isReadOnly };
  const typed = typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value);
  const orNothing = (next: string) => set(name, next === "" ? (field.isNullable ? null : field.isRequired ? undefined : "") : next);
  switch (shape.kind) {
    case "text":
      return <TextInput {...shared} value={typed} onChange={(event) => orNothing(event.currentTarget.value)} />;
    case "date":
      return <TextInput {...shared} type="date" value={typed} onChange={(event) => orNothing(event.currentTarget.value)} />;
    case "boolean":
      return (
        <Switch
          size="xs" label={field.label} description={field.description} error={shared.error} checked={value === true} disabled={isReadOnly}
          onChange={(event) => set(name, event.currentTarget.checked)}
        />
      );
    case "number":
      return (
        <NumberInput
          {...shared} value={typeof value === "number" ? value : typed} allowDecimal={!shape.isWhole} clampBehavior="none"
          {...(shape.least === undefined ? {} : { min: shape.least })} {...(shape.greatest === undefined ? {} : { max: shape.greatest })}
          step={shape.isWhole || (shape.greatest ?? 2) > 1 ? 1 : 0.1}
          onChange={(next) => set(name, next === "" ? (field.isNullable ? null : undefined) : next)}
        />
      );
    case "choice":
      return (
        <Select
          {...shared} data={shape.choices.map((each) => ({ value: String(each), label: typeof each === "boolean" ? text(each ? "yes" : "no") : String(each) }))} value={typed || null} clearable={field.isNullable} allowDeselect={false}
          onChange={(next) => set(name, next === null ? null : chosen(shape.choices, next))}
        />
      );
    case "choices":
      return (
        <MultiSelect
          {...shared} data={shape.choices.map(String)} value={listed(value)} clearable
          onChange={(next) => set(name, next.map((each) => chosen(shape.choices, each)))}
        />
      );
    case "list":
      return (
        <TagsInput
          {...shared} value={listed(value)} splitChars={[",", ";"]}
          onChange={(next) => set(name, shape.isOfNumbers ? next.map(numberOr) : next)}
        />
      );
    case "column":
    case "columns":
      return <ColumnPicker {...props} port={shape.port} isMany={shape.kind === "columns"} shared={shared} />;
    case "asset":
      return <AssetPicker {...shared} asset={shape.asset} value={typed} onChange={orNothing} />;
    case "code":
      return (
        <Input.Wrapper {...labels(props)} labelElement="div">
          <CodeField
            label={field.label} language={shape.language} value={typed}
            onChange={isReadOnly ? undefined : (next) => set(name, next)}
          />
        </Input.Wrapper>
      );
    case "object":
      return <Inner {...props} fields={shape.fields} value={recordOf(value)} set={(next) => set(name, next)} />;
    case "objects":
      return <Objects {...props} fields={shape.fields} />;
    case "pairs":
      return <Pairs {...props} inner={shape.value} />;
    case "json":
      return <Json {...props} shared={shared} />;
  }
}

type CodeProps = { label: string; language: string; value: string; onChange?: ((value: string) => void) | undefined };

/** Code, which can have a window of its own. */
function CodeField(props: CodeProps) {
  const text = useText();
  const [isLarge, setIsLarge] = useState(false);
  return (
    <Suspense fallback={<Loader size="sm" />}>
      <Editor {...props} />
      <Button size="compact-xs" variant="default" mt={4} onClick={() => setIsLarge(true)}>{text("designer.enlarge")}</Button>
      {isLarge && (
        <Dialog close={() => setIsLarge(false)} size="80rem" title={props.label}>
          <Editor {...props} maxHeight="75vh" />
        </Dialog>
      )}
    </Suspense>
  );
}

type Shared = ReturnType<typeof labels> & { readOnly: boolean };

/** Columns of what comes in; others can be typed, as long as those are not known. */
function ColumnPicker({ field, value, set, columnsOf, port, isMany, shared }: ControlProps & { port: string; isMany: boolean; shared: Shared }) {
  const text = useText();
  const columns = columnsOf?.(port) ?? null;
  const data = Object.keys(columns ?? {});
  const hint = columns === null ? text("designer.unknownColumns") : undefined;
  const rest = { ...shared, data, placeholder: hint, renderOption: ({ option }: { option: { value: string } }) => (
    <Group justify="space-between" gap="xs" w="100%">
      <span>{option.value}</span>
      <Text size="xs" c="dimmed">{columns?.[option.value]}</Text>
    </Group>
  ) };
  if (isMany) {
    return <TagsInput {...rest} value={listed(value)} clearable onChange={(next) => set(field.name, next)} />;
  }
  return (
    <Autocomplete
      {...rest} value={typeof value === "string" ? value : ""} clearable
      onChange={(next) => set(field.name, next === "" ? (field.isNullable ? null : undefined) : next)}
    />
  );
}

type AssetProps = Shared & { asset: string; value: string; onChange: (value: string) => void };

/** What is registered under a name: the newest version, or one that is written behind it. */
function AssetPicker({ asset, ...rest }: AssetProps) {
  const assets = useAssets(useWorkspace(), asset);
  return <Autocomplete {...rest} data={(assets.data ?? []).map(({ name }) => name)} clearable />;
}

/** Fields inside a field. */
function Inner(props: Omit<ControlProps, "value" | "set"> & { value: Record<string, unknown>; set: (value: Record<string, unknown>) => void }) {
  const { field, fields, value, set } = props;
  return (
    <Fieldset legend={field.label} p="xs">
      <Stack gap="xs">
        {field.description && <Text size="xs" c="dimmed">{field.description}</Text>}
        <Fields {...props} fields={fields} values={value} problem={() => undefined} set={(name, each) => set(replaced(value, name, each))} />
      </Stack>
    </Fieldset>
  );
}

/** A list of objects, each with its fields. */
function Objects(props: ControlProps) {
  const { field, value, set, isReadOnly } = props;
  const text = useText();
  const all: unknown[] = Array.isArray(value) ? value : [];
  return (
    <Input.Wrapper {...labels(props)} labelElement="div">
      <Stack gap="xs" mt={4}>
        {all.map((each, index) => (
          <div key={index} style={{ position: "relative" }}>
            <Inner
              {...props} field={{ ...field, label: `${index + 1}`, description: "" }} value={recordOf(each)}
              set={(next) => set(field.name, all.map((old, place) => (place === index ? next : old)))}
            />
            {!isReadOnly && (
              <ActionIcon
                variant="subtle" color="gray" size="sm" style={{ position: "absolute", insetInlineEnd: 4, insetBlockStart: 0 }}
                aria-label={text("designer.removeItem", { n: index + 1 })}
                onClick={() => set(field.name, all.filter((_, place) => place !== index))}
              >
                <Icon name="close" size={12} />
              </ActionIcon>
            )}
          </div>
        ))}
        {!isReadOnly && (
          <Button size="compact-xs" variant="default" style={{ alignSelf: "flex-start" }} onClick={() => set(field.name, [...all, {}])}>
            {text("designer.add")}
          </Button>
        )}
      </Stack>
    </Input.Wrapper>
  );
}

/** Names with a value each. */
function Pairs(props: ControlProps & { inner: Shape }) {
  const { field, value, set, isReadOnly, inner } = props;
  const text = useText();
  const [typed, setTyped] = useState("");
  const all = recordOf(value);
  const add = () => {
    if (typed && !(typed in all)) set(field.name, { ...all, [typed]: inner.kind === "boolean" ? false : inner.kind === "number" ? 0 : "" });
    setTyped("");
  };
  const fields = Object.keys(all).map((name): Field => ({
    name, label: name, description: "", isRequired: false, isNullable: false, initial: undefined, shape: inner,
  }));
  return (
    <Input.Wrapper {...labels(props)} labelElement="div">
      <Stack gap={6} mt={4}>
        <Fields {...props} fields={fields} values={all} problem={() => undefined} set={(name, each) => set(field.name, replaced(all, name, each))} />
        {!isReadOnly && (
          <Group gap={6} wrap="nowrap">
            <TextInput
              size="xs" style={{ flex: 1 }} aria-label={text("designer.newName", { field: field.label })} value={typed}
              placeholder={text("name")} onChange={(event) => setTyped(event.currentTarget.value)}
              onKeyDown={(event) => event.key === "Enter" && add()}
            />
            <Button size="xs" variant="default" onClick={add} disabled={!typed}>{text("designer.add")}</Button>
          </Group>
        )}
      </Stack>
    </Input.Wrapper>
  );
}

/** What no other field fits: JSON, or a plain text. */
function Json({ field, value, set, shared }: ControlProps & { shared: Shared }) {
  const text = useText();
  const [typed, setTyped] = useState<string | null>(null);
  const shown = typed ?? (value === undefined || value === null ? "" : JSON.stringify(value));
  const isWrong = typed !== null && typed !== "" && parsed(typed) === undefined;
  return (
    <Textarea
      {...shared} autosize minRows={1} maxRows={10} value={shown} error={isWrong ? text("services.notJson") : shared.error}
      onChange={(event) => setTyped(event.currentTarget.value)}
      onBlur={() => {
        if (typed === null || isWrong) return;
        set(field.name, typed === "" ? (field.isNullable ? null : undefined) : parsed(typed));
        setTyped(null);
      }}
    />
  );
}

function parsed(typed: string): unknown {
  try {
    return JSON.parse(typed) as unknown;
  } catch {
    return undefined;
  }
}

const listed = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const chosen = <T,>(choices: T[], typed: string): T | string => choices.find((each) => String(each) === typed) ?? typed;
const numberOr = (typed: string): number | string => (typed.trim() !== "" && Number.isFinite(Number(typed)) ? Number(typed) : typed);
const recordOf = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
