import { expect, test } from "vitest";
import { isName } from "../../src/parts/names";

test("names have no slashes, no spaces at an end, and are not dots alone", () => {
  expect(["cars", "a b", "preço.2", "...a", "x".repeat(128)].filter((each) => !isName(each))).toEqual([]);
  expect(["a/b", "a\\b", ".", "..", " a", "a ", "", "x".repeat(129)].filter(isName)).toEqual([]);
});
