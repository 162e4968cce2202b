/** What kind of field a value's JSON Schema asks for. */

/** A JSON Schema, as far as parameters of components and inputs of models have it. */
export type Schema = {
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  examples?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  $ref?: string;
  $defs?: Record<string, Schema>;
  "x-column-of"?: string;
  "x-language"?: string;
  "x-asset"?: string;
  /** In the user's language, where that is not the component's. */
  "x-label"?: string;
};

export type Field = {
  name: string;
  label: string;
  description: string;
  isRequired: boolean;
  /** Whether it may be null, which is shown as empty. */
  isNullable: boolean;
  initial: unknown;
  shape: Shape;
};

export type Shape =
  | { kind: "text" | "date" | "boolean" | "json" }
  | { kind: "number"; isWhole: boolean; least?: number; greatest?: number }
  | { kind: "choice"; choices: (string | number | boolean)[] }
  | { kind: "choices"; choices: (string | number | boolean)[] }
  | { kind: "list"; isOfNumbers: boolean }
  | { kind: "column" | "columns"; port: string }
  | { kind: "code"; language: string }
  | { kind: "asset"; asset: string }
  | { kind: "object"; fields: Field[] }
  | { kind: "objects"; fields: Field[] }
  | { kind: "pairs"; value: Shape };

/** The fields of an object's schema, in its order. */
export function fieldsOf(schema: Schema, defs: Record<string, Schema> = schema.$defs ?? {}): Field[] {
  return Object.entries(schema.properties ?? {}).map(([name, given]) => {
    const { inner, isNullable } = unwrapped(given, defs);
    return {
      name,
      label: given["x-label"] ?? labelOf(name),
      description: given.description ?? inner.description ?? "",
      isRequired: schema.required?.includes(name) ?? false,
      isNullable,
      initial: given.default,
      shape: orMissing(shapeOf({ ...inner, ...given, ...pick(inner) }, defs), isNullable),
    };
  });
}

export function labelOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What decides the shape comes from the schema inside `anyOf` and `$ref`. */
function pick({ type, anyOf, ...rest }: Schema): Schema {
  return { ...rest, ...(type === undefined ? {} : { type }), ...(anyOf === undefined ? { anyOf: [] } : { anyOf }) };
}

function unwrapped(schema: Schema, defs: Record<string, Schema>): { inner: Schema; isNullable: boolean } {
  const referred = resolved(schema, defs);
  const kinds = referred.anyOf ?? [];
  const real = kinds.filter(({ type }) => type !== "null");
  const isNullable = real.length < kinds.length;
  const [only] = real;
  return { inner: only && real.length === 1 ? resolved(only, defs) : referred, isNullable };
}

function resolved(schema: Schema, defs: Record<string, Schema>): Schema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : { ...schema, ...defs[name] };
}

function shapeOf(schema: Schema, defs: Record<string, Schema>): Shape {
  const column = schema["x-column-of"];
  if (column !== undefined) return { kind: schema.type === "array" ? "columns" : "column", port: column };
  const language = schema["x-language"];
  if (language !== undefined) return { kind: "code", language };
  const asset = schema["x-asset"];
  if (asset !== undefined) return { kind: "asset", asset };
  const choices = choicesOf(schema);
  if (choices) return { kind: "choice", choices };
  switch (schema.type) {
    case "boolean":
      return { kind: "boolean" };
    case "integer":
    case "number":
      return { kind: "number", isWhole: schema.type === "integer", ...limitsOf(schema) };
    case "string":
      return { kind: schema.format === "date" ? "date" : "text" };
    case "array":
      return listOf(schema.items ?? {}, defs);
    case "object":
      return objectOf(schema, defs);
    default:
      return { kind: "json" };
  }
}

/** A switch has two states only. */
const orMissing = (shape: Shape, isNullable: boolean): Shape =>
  shape.kind === "boolean" && isNullable ? { kind: "choice", choices: [true, false] } : shape;

function choicesOf(schema: Schema): (string | number | boolean)[] | null {
  const values = schema.const !== undefined ? [schema.const] : schema.enum;
  return values?.every((each) => ["string", "number", "boolean"].includes(typeof each))
    ? (values as (string | number | boolean)[])
    : null;
}

function limitsOf(schema: Schema): { least?: number; greatest?: number } {
  const step = schema.type === "integer" ? 1 : 0;
  const least = schema.minimum ?? (schema.exclusiveMinimum === undefined ? undefined : schema.exclusiveMinimum + step);
  const greatest = schema.maximum ?? (schema.exclusiveMaximum === undefined ? undefined : schema.exclusiveMaximum - step);
  return { ...(least === undefined ? {} : { least }), ...(greatest === undefined ? {} : { greatest }) };
}

function listOf(given: Schema, defs: Record<string, Schema>): Shape {
  const items = resolved(given, defs);
  const choices = choicesOf(items);
  if (choices) return { kind: "choices", choices };
  if (items.type === "string") return { kind: "list", isOfNumbers: false };
  if (items.type === "number" || items.type === "integer") return { kind: "list", isOfNumbers: true };
  if (items.type === "object" && items.properties) return { kind: "objects", fields: fieldsOf(items, defs) };
  return { kind: "json" };
}

function objectOf(schema: Schema, defs: Record<string, Schema>): Shape {
  if (schema.properties) return { kind: "object", fields: fieldsOf(schema, defs) };
  if (typeof schema.additionalProperties !== "object") return { kind: "json" };
  const value = shapeOf(resolved(schema.additionalProperties, defs), defs);
  return ["text", "number", "choice", "boolean"].includes(value.kind) ? { kind: "pairs", value } : { kind: "json" };
}

/** An object with another value in its place; undefined leaves it out. */
export function replaced(all: Record<string, unknown>, name: string, value: unknown): Record<string, unknown> {
  if (value !== undefined) return { ...all, [name]: value };
  return Object.fromEntries(Object.entries(all).filter(([key]) => key !== name));
}

const REFERENCE = /^\$\{parameters\.(\w+)\}$/;

/** The pipeline's parameter that a value is taken from. */
export const parameterIn = (value: unknown): string | null =>
  typeof value === "string" ? (REFERENCE.exec(value)?.[1] ?? null) : null;

export const referenceTo = (parameter: string): string => `\${parameters.${parameter}}`;
