import { expect, test } from "vitest";
import { translated, translationOf } from "../../src/designer/translated";
import { found } from "./samples";

test("a component is called so in the user's language, and found by its own title", async () => {
  const translation = await translationOf("pt");
  if (!translation) throw new Error("There is nothing to translate by.");
  const said = translated({ ...found("split_data"), title: "Split data", category: "Sampling", description: "Splits.\n\nMore of it." }, translation);
  expect(said).toMatchObject({ title: "Dividir dados", category: "Amostragem", name: "split_data", keywords: ["Split data"] });
  expect(said.description).toMatch(/^Divide as linhas .*\n\nMore of it\.$/s);
});

test("what is not translated stays as it is", async () => {
  const translation = await translationOf("pt");
  if (!translation) throw new Error("There is nothing to translate by.");
  const own = { ...found("split_data"), name: "of_a_plugin", title: "Own", category: "Ours" };
  expect(translated(own, translation)).toEqual(own);
  expect(await translationOf("en")).toBeNull();
});
