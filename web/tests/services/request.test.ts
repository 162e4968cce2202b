import { expect, test } from "vitest";
import { columnsOf, exampleOf, firstRow, rowOf } from "../../src/services/request";

const described = (json: object) => ({ paths: { "/score": { post: { requestBody: { content: { "application/json": json } } } } } });

const orMissing = (form: object) => ({ anyOf: [form, { type: "null" }] });
const row = {
  type: "object",
  properties: {
    speed: { type: "number" },
    crash_id: { type: "integer" },
    road: { type: "string", enum: ["dry", "icy"] },
    wet: { type: "boolean" },
    belt: orMissing({ type: "boolean" }),
    day: orMissing({ type: "string", format: "date", examples: ["2002-12-31"] }),
    at: { type: "string", format: "date-time", examples: ["2002-12-31T12:30:00Z"] },
  },
  required: ["speed", "crash_id", "road", "wet", "at"],
};
const schema = { oneOf: [{ type: "array", items: row }, { type: "object", properties: { speed: { type: "array" } } }] };
const begun = { speed: 0, crash_id: 0, road: "dry", wet: false, belt: null, day: null, at: "" };

test("a request begins with the sample of the service, or with a row of what it takes", () => {
  expect(exampleOf(described({ schema }))).toEqual([begun]);
  expect(exampleOf(described({ schema, example: [{ speed: 30 }] }))).toEqual([{ speed: 30 }]);
  expect(exampleOf(described({ schema: {} }))).toEqual([]);
  expect(exampleOf({})).toEqual([]);
});

test("the form has a field for each column of the signature, under its own name", () => {
  const fields = columnsOf(described({ schema, example: [{ speed: 30 }] }));
  expect(fields.map(({ label, shape, isRequired, isNullable }) => [label, shape.kind, isRequired, isNullable])).toEqual([
    ["speed", "number", true, false],
    ["crash_id", "number", true, false],
    ["road", "choice", true, false],
    ["wet", "boolean", true, false],
    ["belt", "choice", false, true],
    ["day", "date", false, true],
    ["at", "text", true, false],
  ]);
  expect(fields.map(({ description }) => description)).toEqual(["", "", "", "", "", "", "2002-12-31T12:30:00Z"]);
});

test("without a signature the sample says what a row has, and other requests have no form", () => {
  const example = [{ speed: 30, road: "dry", wet: true, history: [1, 2] }, { speed: 50 }];
  expect(columnsOf(described({ schema: {}, example })).map(({ name, shape }) => [name, shape.kind])).toEqual([
    ["speed", "number"], ["road", "text"], ["wet", "boolean"], ["history", "json"],
  ]);
  for (const other of [[[1, 2]], { data: [1] }, 3]) expect(columnsOf(described({ schema: {}, example: other }))).toEqual([]);
  expect(columnsOf(described({ schema: { type: "array", items: { type: "number" } } }))).toEqual([]);
  expect(columnsOf({})).toEqual([]);
});

test("the form is about one row, and begins with the first of the sample", () => {
  expect(firstRow(described({ schema, example: [{ speed: 30 }, { speed: 50 }] }))).toEqual([{ speed: 30 }]);
  expect(firstRow(described({ schema, example: { speed: [30] } }))).toEqual([begun]);
  expect(firstRow({})).toBeNull();
  expect(rowOf([{ speed: 30 }])).toEqual({ speed: 30 });
  for (const other of [[{ speed: 30 }, { speed: 50 }], { speed: [30] }, [3], [], 3, undefined]) expect(rowOf(other)).toBeNull();
});
