import { expect, test } from "vitest";
import { begun, changed, redone, undone } from "../../src/designer/history";

test("states are gone back to and forward again", () => {
  const three = changed(changed(begun("a"), "b"), "c");
  expect(undone(three).present).toBe("b");
  expect(undone(undone(undone(three))).present).toBe("a");
  expect(redone(undone(three)).present).toBe("c");
  expect(redone(three)).toEqual(three);
});

test("a change after going back leaves no way forward", () => {
  const other = changed(undone(changed(begun("a"), "b")), "x");
  expect(redone(other).present).toBe("x");
  expect(undone(other).present).toBe("a");
});

test("changes of one subject in a row are undone together", () => {
  const typed = ["S", "Sp", "Spl"].reduce((history, each) => changed(history, each, "title"), begun(""));
  expect(undone(typed).present).toBe("");
  expect(undone(changed(typed, "Split", "name")).present).toBe("Spl");
});

test("what changes nothing is no state", () => {
  const one = begun({ steps: 1 });
  expect(changed(one, one.present)).toBe(one);
});
