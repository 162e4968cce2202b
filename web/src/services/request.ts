/** What a service takes, by its description. */
import { fieldsOf, type Field, type Schema } from "../parts/schema";

type Content = { example?: unknown; schema?: Schema };
type Described = { paths?: Record<string, { post?: { requestBody?: { content?: Record<string, Content> } } }> };
export type Row = Record<string, unknown>;

/** A request to begin with: the one that the service's description has, or one of its form. */
export function exampleOf(openapi: Row): unknown {
  const { example, schema } = contentOf(openapi);
  return example ?? formed(schema ?? {}) ?? [];
}

/** A field for each column of a row; none if the service does not say what its rows have. */
export function columnsOf(openapi: Row): Field[] {
  const { example, schema } = contentOf(openapi);
  const { properties = {}, ...record } = recordIn(schema ?? {}) ?? seen(example);
  const labelled = Object.entries(properties).map(([name, column]): [string, Schema] => [name, { ...column, "x-label": name, description: hint(column) }]);
  return fieldsOf({ ...record, properties: Object.fromEntries(labelled) });
}

/** The one row that a request is about; null if it is about more, or about something else. */
export function rowOf(request: unknown): Row | null {
  const [row, ...others] = listed(request);
  return isRow(row) && others.length === 0 ? row : null;
}

/** The request that a form begins with: one row, of the example if it has one. */
export function firstRow(openapi: Row): [Row] | null {
  const { schema } = contentOf(openapi);
  const [row] = [...listed(exampleOf(openapi)), ...listed(formed(schema ?? {}))];
  return isRow(row) ? [row] : null;
}

function contentOf(openapi: Row): Content {
  return (openapi as Described).paths?.["/score"]?.post?.requestBody?.content?.["application/json"] ?? {};
}

/** The schema of a row, where a request is a list of them. */
function recordIn({ oneOf, items }: Schema): Schema | undefined {
  return items?.properties ? items : oneOf?.map(recordIn).find(Boolean);
}

/** What the first row of an example shows. */
function seen(example: unknown): Schema {
  const [row] = listed(example);
  const properties = isRow(row) ? Object.entries(row).map(([name, value]): [string, Schema] => [name, { type: typeof value }]) : [];
  return { properties: Object.fromEntries(properties) };
}

/** How a value is written that has no field of its own kind. */
function hint({ format, anyOf = [], examples: [example] = [] }: Schema): string {
  const [inner] = anyOf;
  if (inner) return hint(inner);
  return format === "date" || typeof example !== "string" ? "" : example;
}

function formed({ type, enum: [first] = [], anyOf, oneOf, items, properties }: Schema): unknown {
  if (anyOf?.some((each) => each.type === "null")) return null;
  if (oneOf?.[0]) return formed(oneOf[0]);
  if (first !== undefined) return first;
  switch (type) {
    case "array":
      return items ? [formed(items)] : [];
    case "object":
      return Object.fromEntries(Object.entries(properties ?? {}).map(([name, schema]) => [name, formed(schema)]));
    case "number":
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "string":
      return "";
    default:
      return null;
  }
}

const listed = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const isRow = (value: unknown): value is Row => value !== null && typeof value === "object" && !Array.isArray(value);
