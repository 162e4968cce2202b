/** The arguments of a script as lines of text, one for each. */

const line = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

export function linesOf(given: readonly unknown[]): string {
  return given.map(line).join("\n");
}

/** The arguments that were typed; what stayed as it was keeps its type. */
export function readLines(typed: string, before: readonly unknown[]): unknown[] {
  const left = [...before];
  return typed.split("\n").map((each) => each.trim()).filter(Boolean).map((each) => {
    const at = left.findIndex((value) => line(value) === each);
    return at < 0 ? each : left.splice(at, 1)[0];
  });
}
