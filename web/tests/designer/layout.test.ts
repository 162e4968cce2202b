import { expect, test } from "vitest";
import { arranged, placed, STEP } from "../../src/designer/layout";
import { COMPONENTS, STUDY } from "./samples";

test("steps are below those that they read, in the order of the ports, and none covers another", () => {
  const { positions } = arranged(STUDY, COMPONENTS).layout;
  const at = (name: string) => positions[name] ?? { x: NaN, y: NaN };
  expect(at("parts").y).toBeGreaterThan(at("cars").y);
  expect(at("fit").y).toBeGreaterThan(at("parts").y);
  expect(at("learner").x).toBeLessThan(at("parts").x);
  const all = Object.values(positions);
  for (const [index, one] of all.entries()) {
    for (const other of all.slice(index + 1)) {
      expect(Math.abs(one.x - other.x) >= STEP.width || Math.abs(one.y - other.y) >= STEP.height).toBe(true);
    }
  }
});

test("only steps without a place are given one", () => {
  const { positions } = placed(STUDY, COMPONENTS).layout;
  expect(positions.cars).toEqual({ x: 0, y: 0 });
  expect(Object.keys(positions).sort()).toEqual(["cars", "fit", "learner", "parts"]);
  const all = arranged(STUDY, COMPONENTS);
  expect(placed(all, COMPONENTS)).toBe(all);
});

test("comments that a step would cover come to lie beside all steps", () => {
  const comment = { id: "why", text: "Why", width: 210, height: 96 };
  const comments = [{ ...comment, x: 0, y: 0 }, { ...comment, id: "far", x: -4000, y: 0 }];
  const { layout } = arranged({ ...STUDY, layout: { ...STUDY.layout, comments } }, COMPONENTS);
  const right = Math.max(...Object.values(layout.positions).map(({ x }) => x));
  expect(layout.comments[0]?.x).toBeGreaterThanOrEqual(right + STEP.width);
  expect(layout.comments[1]?.x).toBe(-4000);
});
