/** The Markdown that pages of components are written in: paragraphs, lists, headings and code. */

export type Block =
  | { kind: "paragraph" | "heading" | "code"; text: string }
  | { kind: "list"; items: string[] };

export type Inline = { kind: "text" | "code" | "strong"; text: string } | { kind: "link"; text: string; to: string };

const FENCE = /^\s*```/;
const ITEM = /^\s*[-*] +/;
const HEADING = /^#{1,6} +/;

export function blocksOf(source: string): Block[] {
  const lines = source.trim().split("\n");
  const blocks: Block[] = [];
  while (lines.length > 0) {
    const first = lines[0] ?? "";
    if (FENCE.test(first)) {
      lines.shift();
      blocks.push({ kind: "code", text: taken(lines, (line) => !FENCE.test(line)).join("\n") });
      lines.shift();
    } else if (first.trim() === "") {
      lines.shift();
    } else if (HEADING.test(first)) {
      lines.shift();
      blocks.push({ kind: "heading", text: first.replace(HEADING, "") });
    } else if (ITEM.test(first)) {
      blocks.push({ kind: "list", items: itemsOf(taken(lines, (line) => line.trim() !== "" && !FENCE.test(line))) });
    } else {
      blocks.push({ kind: "paragraph", text: taken(lines, isOfParagraph).map((line) => line.trim()).join(" ") });
    }
  }
  return blocks;
}

const isOfParagraph = (line: string) => line.trim() !== "" && ![FENCE, ITEM, HEADING].some((other) => other.test(line));

/** Takes the lines off the front as long as they belong there. */
function taken(lines: string[], belongs: (line: string) => boolean): string[] {
  const end = lines.findIndex((line) => !belongs(line));
  return lines.splice(0, end < 0 ? lines.length : end);
}

/** A line without a mark goes on with the item before it. */
function itemsOf(lines: string[]): string[] {
  const items: string[] = [];
  for (const line of lines) {
    if (ITEM.test(line)) items.push(line.replace(ITEM, ""));
    else items.push(`${items.pop() ?? ""} ${line.trim()}`.trim());
  }
  return items;
}

const INLINE = /(`+)(.+?)\1|\*\*(.+?)\*\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;

export function inlineOf(text: string): Inline[] {
  const parts: Inline[] = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, , code, strong, label, to] = found;
    if (found.index > end) parts.push({ kind: "text", text: text.slice(end, found.index) });
    if (code !== undefined) parts.push({ kind: "code", text: code });
    else if (strong !== undefined) parts.push({ kind: "strong", text: strong });
    else parts.push({ kind: "link", text: label ?? "", to: to ?? "" });
    end = found.index + whole.length;
  }
  if (end < text.length) parts.push({ kind: "text", text: text.slice(end) });
  return parts;
}
