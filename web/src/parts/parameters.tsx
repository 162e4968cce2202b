import { TextInput } from "@mantine/core";
import { shown } from "./forms";

/** A parameter of a pipeline; one without a default has to be given. */
export type Parameter = { type?: string; default?: unknown; description?: string | null };

const hasDefault = ({ default: value }: Parameter) => value !== null && value !== undefined;

/** Asks for the values of parameters; what stays empty is the default. */
export function ParameterFields(props: {
  parameters: Record<string, Parameter>;
  typed: Record<string, string>;
  type: (name: string, value: string) => void;
}) {
  return Object.entries(props.parameters).map(([name, parameter]) => (
    <TextInput
      key={name} label={name} description={[parameter.type, parameter.description].filter(Boolean).join(": ")}
      placeholder={hasDefault(parameter) ? shown(parameter.default) : ""} required={!hasDefault(parameter)}
      value={props.typed[name] ?? ""} onChange={(event) => props.type(name, event.currentTarget.value)}
    />
  ));
}

export type Value = boolean | number | string | unknown[];

/** The values that were typed. */
export function given(typed: Record<string, string>, parameters: Record<string, Parameter>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(typed).filter(([, value]) => value !== "").map(([name, value]) => [name, valueOf(value, parameters[name]?.type)]),
  );
}

/** Numbers, truth values and lists as such; what cannot be one goes as typed, and is refused by name. */
export function valueOf(typed: string, type: string | undefined): Value {
  if (type === undefined || type === "string") return typed;
  try {
    return JSON.parse(typed) as Value;
  } catch {
    return typed;
  }
}
