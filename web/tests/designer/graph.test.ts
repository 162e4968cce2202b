import { expect, test } from "vitest";
import { connectionsOf, isBehind, portsOf, refusal } from "../../src/designer/graph";
import type { Pipeline } from "../../src/designer/types";
import { COMPONENTS, STUDY } from "./samples";

const { pipeline } = STUDY;

test("an output that is not named is the only one, or the input's namesake", () => {
  expect(connectionsOf(pipeline, COMPONENTS)).toEqual([
    { from: "cars", output: "data", to: "parts", input: "data" },
    { from: "learner", output: "learner", to: "fit", input: "learner" },
    { from: "parts", output: "first", to: "fit", input: "data" },
    { from: "cars", to: "fit" },
  ]);
});

test("an input takes its own kind, and what that kind can be read from", () => {
  const why = (from: string, output: string, to: string, input: string) =>
    refusal({ steps: { ...pipeline.steps, save: { component: { name: "export_file" } } } }, COMPONENTS, { from, output, to, input });
  expect(why("parts", "second", "fit", "data")).toBeNull();
  expect(why("parts", "second", "save", "file")).toBeNull();
  expect(why("parts", "second", "fit", "learner")).toEqual({ why: "kind", given: "table", wanted: "learner" });
  expect(why("parts", "third", "fit", "data")).toEqual({ why: "missing" });
});

test("what would make a circle is refused", () => {
  expect(isBehind(pipeline, "fit", "cars")).toBe(true);
  const circle = { steps: { ...pipeline.steps, more: { component: { name: "split_data" }, inputs: { data: { step: "parts", output: "second" } } } } };
  expect(refusal(circle, COMPONENTS, { from: "more", output: "first", to: "parts", input: "data" })).toEqual({ why: "circle", from: "more", to: "parts" });
  expect(refusal(circle, COMPONENTS, { from: "more", output: "first", to: "more", input: "data" })?.why).toBe("circle");
});

test("steps made in code have the ports of their document, and are told apart by type alone", () => {
  const mixed: Pipeline = {
    steps: {
      ...pipeline.steps,
      clean: { script: "clean.py", outputs: { rows: "table", notes: { type: "json" }, files: null } },
      read: { script: "read.R", inputs: { rows: "cars.csv", notes: { path: "x", type: "json" } } },
    },
  };
  const ports = portsOf(mixed.steps.clean ?? {}, COMPONENTS).outputs.map(({ name, kind }) => [name, kind]);
  expect(ports).toEqual([["rows", "table"], ["notes", "json"], ["files", "folder"]]);
  const why = (output: string, to: string, input: string) => refusal(mixed, COMPONENTS, { from: "clean", output, to, input });
  expect(why("rows", "fit", "data")).toBeNull();
  expect(why("notes", "fit", "learner")).toBeNull();
  expect(why("files", "fit", "data")?.why).toBe("kind");
  expect(why("rows", "read", "rows")).toBeNull();
  expect(why("rows", "read", "notes")?.why).toBe("kind");
});
