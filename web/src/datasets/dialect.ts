/** How delimited text is written, as far as its beginning tells. */
import type { Key } from "../text/text";

export type Dialect = { separator: string; encoding: string; decimal: string };

export const SEPARATORS: Record<string, Key> = {
  ",": "datasets.separator.comma", ";": "datasets.separator.semicolon", "\t": "datasets.separator.tab", "|": "datasets.separator.bar",
};
export const DECIMALS: Record<string, Key> = { ".": "datasets.decimal.point", ",": "datasets.decimal.comma" };
export const ENCODINGS: Record<string, string> = { "utf-8": "UTF-8", "utf-16": "UTF-16", "latin-1": "Latin-1" };

export function dialectOf(beginning: Uint8Array): Dialect {
  const encoding = encodingOf(beginning);
  const text = new TextDecoder(encoding === "utf-16" && beginning[0] === 0xfe ? "utf-16be" : encoding === "latin-1" ? "latin1" : encoding).decode(beginning);
  const separator = separatorOf(text);
  return { separator, encoding, decimal: decimalOf(text, separator) };
}

function encodingOf(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) return "utf-16";
  if (bytes.includes(0)) return "utf-8"; // no text: the server says so
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true }); // the last letter may be cut
    return "utf-8";
  } catch {
    return "latin-1";
  }
}

/** What the first line has most often, outside of quotes. */
function separatorOf(text: string): string {
  const [line = ""] = text.replace(/"[^"]*"/g, "").split(/[\r\n]/, 1);
  const often = (separator: string) => line.split(separator).length;
  return Object.keys(SEPARATORS).reduce((best, each) => (often(each) > often(best) ? each : best));
}

/** A comma if numbers have one, and none a point; the last line may be cut. */
function decimalOf(text: string, separator: string): string {
  if (separator === ",") return ".";
  const values = text.split(/[\r\n]+/).slice(1).flatMap((line) => line.split(separator));
  const has = (sign: string) => {
    const number = new RegExp(`^"?[+-]?\\d*[${sign}]\\d+(e[+-]?\\d+)?"?$`, "i");
    return values.some((value) => number.test(value));
  };
  return has(",") && !has(".") ? "," : ".";
}
