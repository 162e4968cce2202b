import { expect, test } from "vitest";
import { dialectOf } from "../../src/datasets/dialect";

const utf8 = (text: string) => new TextEncoder().encode(text);
const latin1 = (text: string) => Uint8Array.from(text, (each) => each.charCodeAt(0));

test("the first line tells the separator, outside of quotes", () => {
  const found = (text: string) => dialectOf(utf8(text)).separator;
  expect(found("speed,road\n1,dry;wet;icy;or;so")).toBe(",");
  expect(found("preço;ano\n1,5;2020")).toBe(";");
  expect(found("a\tb\r\n1,2\t3,4")).toBe("\t");
  expect(found("a|b|c\n1|2|3")).toBe("|");
  expect(found('"a;b;c;d",e\n1,2')).toBe(",");
  expect(found("alone\n1;2")).toBe(",");
  expect(found("")).toBe(",");
});

test("the encoding is that in which the text can be read", () => {
  const found = (bytes: Uint8Array) => dialectOf(bytes).encoding;
  expect(found(utf8("preço;ção"))).toBe("utf-8");
  expect(found(utf8("a,ç").subarray(0, 3))).toBe("utf-8");
  expect(found(latin1("preço;ção\n1;2"))).toBe("latin-1");
  expect(dialectOf(Uint8Array.of(0xff, 0xfe, 97, 0, 59, 0, 98, 0))).toEqual({ separator: ";", encoding: "utf-16", decimal: "." });
  expect(dialectOf(Uint8Array.of(0xfe, 0xff, 0, 97, 0, 59, 0, 98))).toEqual({ separator: ";", encoding: "utf-16", decimal: "." });
  expect(found(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0xff, 0xfe))).toBe("utf-8");
});

test("numbers tell the decimal sign, where none has a point", () => {
  const found = (text: string) => dialectOf(utf8(text)).decimal;
  expect(found("a;b\n10;x\n-1,5;y")).toBe(",");
  expect(found('a;b\n"1,5e3";x')).toBe(",");
  expect(found("a;b\n1,5;2.5")).toBe(".");
  expect(found("a;b\nx, y;1")).toBe(".");
  expect(found("a,b\n1,5\n2,5")).toBe(".");
  expect(found("a;b\n1,5,2;x")).toBe(".");
});
