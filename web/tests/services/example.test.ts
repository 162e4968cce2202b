import { expect, test } from "vitest";
import { exampleOf } from "../../src/services/example";

const described = (json: object) => ({ paths: { "/score": { post: { requestBody: { content: { "application/json": json } } } } } });

test("a request begins with the sample of the service, or with a row of what it takes", () => {
  const row = { type: "object", properties: { speed: { type: "number" }, road: { type: ["string", "null"] }, wet: { type: "boolean" } } };
  const schema = { oneOf: [{ type: "array", items: row }, { type: "object", properties: { speed: { type: "array" } } }] };
  expect(exampleOf(described({ schema }))).toEqual([{ speed: 0, road: "", wet: false }]);
  expect(exampleOf(described({ schema, example: [{ speed: 30 }] }))).toEqual([{ speed: 30 }]);
  expect(exampleOf(described({ schema: {} }))).toEqual([]);
  expect(exampleOf({})).toEqual([]);
});
