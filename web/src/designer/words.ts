import type { Key, Text } from "../text/text";
import type { Refusal } from "./graph";

const KINDS = new Set(["table", "learner", "model", "transformation", "report", "json", "file", "folder", "dataset", "any"]);

/** What a port carries, in the user's language. */
export const kindText = (text: Text, kind: string): string =>
  KINDS.has(kind) ? text(`designer.kind.${kind}` as Key) : kind;

/** Why a connection is refused. */
export function refusalText(text: Text, refusal: Refusal): string {
  switch (refusal.why) {
    case "kind":
      return text("designer.refused.kind", { given: kindText(text, refusal.given), wanted: kindText(text, refusal.wanted) });
    case "circle":
      return text("designer.refused.circle", { from: refusal.from, to: refusal.to });
    case "missing":
      return text("designer.refused.missing");
  }
}

const OPEN = /^nothing is connected; .+ needs an? (\w+) there$/;

/** What is wrong, as the server says it in English; what is said most often is said in the user's language. */
export function problemText(text: Text, message: string): string {
  if (text.language === "en") return message;
  if (message === "a value is needed") return text("designer.problem.needed");
  const [, kind] = OPEN.exec(message) ?? [];
  return kind === undefined ? message : text("designer.problem.open", { kind: kindText(text, kind) });
}
