import { expect, test } from "vitest";
import { blocksOf, inlineOf } from "../../src/parts/markdown-parts";

test("a page has paragraphs, headings, lists and code", () => {
  expect(blocksOf("Splits rows\nin two.\n\n## How\n- by `share`\n- by\n  value\n\n```pycon\n>>> 1 - 1\n\n- 0\n```\nEnd")).toEqual([
    { kind: "paragraph", text: "Splits rows in two." },
    { kind: "heading", text: "How" },
    { kind: "list", items: ["by `share`", "by value"] },
    { kind: "code", text: ">>> 1 - 1\n\n- 0" },
    { kind: "paragraph", text: "End" },
  ]);
  expect(blocksOf("```\nnever closed")).toEqual([{ kind: "code", text: "never closed" }]);
});

test("only addresses of the web are links, and HTML is text", () => {
  expect(inlineOf("**See** [it](https://example.org/a) or `x`, not [that](javascript:alert(1)) <b>")).toEqual([
    { kind: "strong", text: "See" },
    { kind: "text", text: " " },
    { kind: "link", text: "it", to: "https://example.org/a" },
    { kind: "text", text: " or " },
    { kind: "code", text: "x" },
    { kind: "text", text: ", not [that](javascript:alert(1)) <b>" },
  ]);
});
