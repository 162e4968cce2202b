import { expect, test } from "vitest";
import { translated, translationOf } from "../../src/designer/translated";
import { fieldsOf } from "../../src/parts/schema";
import { found } from "./samples";

test("a component is called so in the user's language, and found by its own title", async () => {
  const translation = await translationOf("pt");
  if (!translation) throw new Error("There is nothing to translate by.");
  const said = translated({ ...found("split_data"), title: "Split data", category: "Sampling", description: "Splits.\n\nMore of it." }, translation);
  expect(said).toMatchObject({ title: "Dividir dados", category: "Amostragem", name: "split_data", keywords: ["Split data"] });
  expect(said.description).toMatch(/^Divide as linhas .*\n\nMore of it\.$/s);
});

test("so are its ports and parameters, also within others", async () => {
  const translation = await translationOf("pt");
  if (!translation) throw new Error("There is nothing to translate by.");
  const fraction = { type: "number", description: "Share of rows in the first table." };
  const said = translated({
    ...found("split_data"),
    inputs: [{ name: "data", kind: "table", description: "What is split.", optional: false }],
    schema: { properties: { fraction, own: { type: "string" } }, $defs: { Part: { properties: { seed: { type: "integer" } } } } },
  }, translation);
  expect(said.inputs.map(({ description }) => description)).toEqual(["O que se divide."]);
  expect(fieldsOf(said.schema).map(({ label, description }) => [label, description])).toEqual([
    ["Fração", "Proporção de linhas na primeira tabela."], ["Own", ""],
  ]);
  expect(said.schema.$defs?.Part?.properties?.seed).toMatchObject({ "x-label": "Semente" });
});

test("what is not translated stays as it is", async () => {
  const translation = await translationOf("pt");
  if (!translation) throw new Error("There is nothing to translate by.");
  const own = { ...found("split_data"), name: "of_a_plugin", title: "Own", category: "Ours", inputs: [], outputs: [], schema: {} };
  expect(translated(own, translation)).toEqual(own);
  expect(await translationOf("en")).toBeNull();
});
