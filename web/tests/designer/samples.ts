import type { Component, Components, Draft, Port } from "../../src/designer/types";

const port = (name: string, kind: string, optional = false): Port => ({ name, kind, description: "", optional });

function component(name: string, inputs: Port[], outputs: Port[]): Component {
  return { name, version: 1, title: name, category: "All", keywords: [], description: "", inputs, outputs, schema: {} };
}

export const COMPONENTS: Components = new Map(
  [
    component("import_data", [], [port("data", "table")]),
    component("split_data", [port("data", "table")], [port("first", "table"), port("second", "table")]),
    component("linear_regression", [], [port("learner", "learner")]),
    component("train_model", [port("learner", "learner"), port("data", "table")], [port("model", "model")]),
    component("export_file", [port("file", "file")], []),
  ].map((each) => [each.name, each]),
);

export const found = (name: string): Component => {
  const known = COMPONENTS.get(name);
  if (!known) throw new Error(name);
  return known;
};

/** Data that are split, and a model that is trained with the first part. */
export const STUDY: Draft = {
  pipeline: {
    steps: {
      cars: { component: { name: "import_data", parameters: { path: "cars.csv" } } },
      parts: { component: { name: "split_data", parameters: { fraction: 0.7 } }, inputs: { data: { step: "cars", output: "data" } } },
      learner: { component: { name: "linear_regression" } },
      fit: {
        component: { name: "train_model" }, run_after: ["cars"], when: "outputs.parts.first.rows > 10",
        inputs: { learner: { step: "learner" }, data: { step: "parts", output: "first" } },
      },
    },
  },
  layout: { positions: { cars: { x: 0, y: 0 } }, comments: [], groups: [{ id: "group", title: "Data", steps: ["cars", "parts"] }] },
};
