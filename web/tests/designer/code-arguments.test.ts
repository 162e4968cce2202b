import { expect, test } from "vitest";
import { linesOf, readLines } from "../../src/designer/code-arguments";

test("arguments that nobody changed keep their types", () => {
  const before = ["--rate", 0.1, { input: "rows" }];
  expect(readLines(linesOf(before), before)).toEqual(before);
  expect(readLines("--rate\n0.2\n\n {\"input\":\"rows\"}", before)).toEqual(["--rate", "0.2", { input: "rows" }]);
});
