import { expect, test } from "vitest";
import { differences, isEqual } from "../../src/designer/conflict";
import { removeSteps, setParameter, setSetting } from "../../src/designer/edits";
import { STUDY } from "./samples";

test("the steps that two have changed stand side by side", () => {
  const mine = setParameter(removeSteps(STUDY, ["learner"]), "parts", "fraction", 0.5);
  const theirs = setSetting(setParameter(STUDY, "parts", "fraction", 0.9), "more", "script", "x.py");
  const added = { ...theirs, pipeline: { steps: { ...theirs.pipeline.steps, more: { script: "x.py" } } } };
  const all = differences(STUDY, mine, added);
  expect(all.map(({ step, mine: my, theirs: their }) => [step, my, their])).toEqual([
    ["parts", "changed", "changed"],
    ["learner", "removed", "same"],
    ["fit", "changed", "same"],
    ["more", "same", "added"],
  ]);
  expect(all[0]?.details).toEqual([{ path: "component.parameters.fraction", base: 0.7, mine: 0.5, theirs: 0.9 }]);
});

test("places alone are no difference of steps", () => {
  const moved = { ...STUDY, layout: { ...STUDY.layout, positions: { cars: { x: 99, y: 0 } } } };
  expect(differences(STUDY, moved, STUDY)).toEqual([]);
});

test("equal is as JSON is", () => {
  expect(isEqual({ a: [1, { b: 2 }], c: null }, { c: null, a: [1, { b: 2 }] })).toBe(true);
  expect(isEqual([1], { 0: 1 })).toBe(false);
});
