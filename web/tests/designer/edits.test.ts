import { expect, test } from "vitest";
import {
  addComment, addStep, changeComment, clipOf, connect, disconnect, groupSteps, moveSteps, paste, removeSteps, renameStep,
  setParameter, setPipelineParameter, setSetting,
} from "../../src/designer/edits";
import { EMPTY } from "../../src/designer/types";
import { found, STUDY } from "./samples";

const { steps } = STUDY.pipeline;

test("an added step has a name of its own", () => {
  const twice = addStep(addStep(EMPTY, found("split_data"), { x: 0, y: 0 }), found("split_data"), { x: 9, y: 9 });
  expect(Object.keys(twice.pipeline.steps)).toEqual(["split_data", "split_data_2"]);
  expect(twice.layout.positions.split_data_2).toEqual({ x: 9, y: 9 });
});

test("an edit shares the steps that it leaves alone", () => {
  const changed = setParameter(STUDY, "parts", "fraction", 0.5);
  expect(changed.pipeline.steps.parts?.component?.parameters).toEqual({ fraction: 0.5 });
  expect(changed.pipeline.steps.cars).toBe(steps.cars);
  expect(steps.parts?.component?.parameters).toEqual({ fraction: 0.7 });
});

test("a parameter or setting that is undefined is left out", () => {
  expect(setParameter(STUDY, "parts", "fraction", undefined).pipeline.steps.parts?.component?.parameters).toEqual({});
  expect(setSetting(STUDY, "fit", "when", undefined).pipeline.steps.fit).not.toHaveProperty("when");
  const named = setPipelineParameter(STUDY, "rows", { type: "integer", default: 3 });
  expect(setPipelineParameter(named, "rows", undefined).pipeline).toEqual(STUDY.pipeline);
});

test("a connection replaces the one that was there, and is taken away", () => {
  const other = connect(STUDY, { from: "parts", output: "second", to: "fit", input: "data" });
  expect(other.pipeline.steps.fit?.inputs?.data).toEqual({ step: "parts", output: "second" });
  expect(disconnect(other, { from: "parts", to: "fit", input: "data" }).pipeline.steps.fit?.inputs).toEqual({ learner: { step: "learner" } });
  expect(disconnect(STUDY, { from: "cars", to: "fit" }).pipeline.steps.fit?.run_after).toEqual([]);
});

test("nothing refers to a step that was removed", () => {
  const left = removeSteps(STUDY, ["cars"]);
  expect(Object.keys(left.pipeline.steps)).toEqual(["parts", "learner", "fit"]);
  expect(left.pipeline.steps.parts?.inputs).toEqual({});
  expect(left.pipeline.steps.fit?.run_after).toEqual([]);
  expect(left.layout.positions).toEqual({});
  expect(left.layout.groups[0]?.steps).toEqual(["parts"]);
});

test("everything follows a step that is renamed", () => {
  const named = renameStep(renameStep(STUDY, "parts", "halves"), "cars", "autos");
  expect(Object.keys(named.pipeline.steps)).toEqual(["autos", "halves", "learner", "fit"]);
  expect(named.pipeline.steps.halves?.inputs?.data).toEqual({ step: "autos", output: "data" });
  expect(named.pipeline.steps.fit).toMatchObject({ run_after: ["autos"], when: "outputs.halves.first.rows > 10" });
  expect(named.layout).toMatchObject({ positions: { autos: { x: 0, y: 0 } }, groups: [{ steps: ["autos", "halves"] }] });
});

test("a step is not renamed to what another is called, or what cannot be a name", () => {
  expect(renameStep(STUDY, "parts", "cars")).toBe(STUDY);
  expect(renameStep(STUDY, "parts", "two words")).toBe(STUDY);
});

test("copies are connected to each other and not to the originals", () => {
  const { draft, names } = paste(STUDY, clipOf(STUDY, ["parts", "fit"]), { x: 24, y: 24 });
  expect(names).toEqual(["parts_2", "fit_2"]);
  expect(draft.pipeline.steps.parts_2?.inputs).toEqual({});
  expect(draft.pipeline.steps.fit_2?.inputs).toEqual({ data: { step: "parts_2", output: "first" } });
  expect(draft.pipeline.steps.fit_2?.run_after).toEqual([]);
  expect(draft.pipeline.steps.parts).toBe(steps.parts);
});

test("a step is in one group", () => {
  const { groups } = groupSteps(STUDY, ["parts", "fit", "comment:1"], "Model").layout;
  expect(groups.map((each) => each.steps)).toEqual([["cars"], ["parts", "fit"]]);
  expect(new Set(groups.map(({ id }) => id)).size).toBe(2);
});

test("comments are moved with steps, and changed", () => {
  const noted = addComment(STUDY, { x: 5, y: 5 });
  const [{ id } = { id: "" }] = noted.layout.comments;
  const moved = moveSteps(changeComment(noted, id, { text: "Look" }), { [`comment:${id}`]: { x: 50, y: 60 }, cars: { x: 1, y: 2 } });
  expect(moved.layout.comments).toEqual([{ id, text: "Look", x: 50, y: 60, width: 220, height: 90 }]);
  expect(moved.layout.positions.cars).toEqual({ x: 1, y: 2 });
});
