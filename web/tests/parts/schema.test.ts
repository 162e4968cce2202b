import { expect, test } from "vitest";
import { fieldsOf, parameterIn, referenceTo, replaced } from "../../src/parts/schema";

test("each parameter has the field that its schema asks for", () => {
  const fields = fieldsOf({
    required: ["label"],
    properties: {
      label: { type: "string", "x-column-of": "data" },
      columns: { type: "array", items: { type: "string" }, "x-column-of": "data", default: [] },
      share_of_rows: { type: "number", minimum: 0, maximum: 1, default: 0.7, description: "How many." },
      count: { anyOf: [{ type: "integer", exclusiveMinimum: 0 }, { type: "null" }], default: null },
      method: { enum: ["mean", "median"], default: "mean" },
      other: { $ref: "#/$defs/Method" },
      query: { type: "string", "x-language": "sql" },
      dataset: { type: "string", "x-asset": "dataset" },
      limits: { type: "array", items: { type: "number" } },
      kinds: { type: "array", items: { enum: ["a", "b"] } },
      rules: { type: "array", items: { $ref: "#/$defs/Rule" } },
      names: { type: "object", additionalProperties: { type: "string" } },
      day: { type: "string", format: "date" },
      wet: { anyOf: [{ type: "boolean" }, { type: "null" }] },
      either: { anyOf: [{ type: "number" }, { type: "string" }] },
    },
    $defs: { Method: { enum: ["x", "y"] }, Rule: { type: "object", properties: { least: { type: "number" } } } },
  });
  expect(fields.map(({ name, shape }) => [name, shape])).toEqual([
    ["label", { kind: "column", port: "data" }],
    ["columns", { kind: "columns", port: "data" }],
    ["share_of_rows", { kind: "number", isWhole: false, least: 0, greatest: 1 }],
    ["count", { kind: "number", isWhole: true, least: 1 }],
    ["method", { kind: "choice", choices: ["mean", "median"] }],
    ["other", { kind: "choice", choices: ["x", "y"] }],
    ["query", { kind: "code", language: "sql" }],
    ["dataset", { kind: "asset", asset: "dataset" }],
    ["limits", { kind: "list", isOfNumbers: true }],
    ["kinds", { kind: "choices", choices: ["a", "b"] }],
    ["rules", { kind: "objects", fields: fieldsOf({ properties: { least: { type: "number" } } }) }],
    ["names", { kind: "pairs", value: { kind: "text" } }],
    ["day", { kind: "date" }],
    ["wet", { kind: "choice", choices: [true, false] }],
    ["either", { kind: "json" }],
  ]);
  expect(fields[0]).toMatchObject({ label: "Label", isRequired: true, isNullable: false });
  expect(fields[2]).toMatchObject({ label: "Share of rows", description: "How many.", initial: 0.7, isRequired: false });
  expect(fields[3]).toMatchObject({ isNullable: true, initial: null });
});

test("a value can be a parameter of the pipeline", () => {
  expect(parameterIn(referenceTo("rows"))).toBe("rows");
  expect(parameterIn("rows")).toBeNull();
  expect(parameterIn(3)).toBeNull();
});

test("what a field says takes the place of what was there, and nothing leaves it out", () => {
  expect(JSON.stringify(replaced({ speed: 30, road: "dry" }, "speed", 50))).toBe('{"speed":50,"road":"dry"}');
  expect(replaced({ speed: 30 }, "day", null)).toEqual({ speed: 30, day: null });
  expect(replaced({ speed: 30, road: "dry" }, "speed", undefined)).toEqual({ road: "dry" });
});
