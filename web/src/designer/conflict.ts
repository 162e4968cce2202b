/** What two people have made of the same version of a draft. */
import type { Draft, Step } from "./types";

export type Change = "added" | "changed" | "removed" | "same";
export type StepDifference = { step: string; mine: Change; theirs: Change; details: Detail[] };
/** One value that differs; undefined where there is none. */
export type Detail = { path: string; base: unknown; mine: unknown; theirs: unknown };

/** The steps that at least one of the two has touched, and what differs in them. */
export function differences(base: Draft, mine: Draft, theirs: Draft): StepDifference[] {
  const all = [base, mine, theirs].map(({ pipeline }) => pipeline.steps);
  const names = new Set(all.flatMap((steps) => Object.keys(steps)));
  return [...names]
    .map((step) => {
      const [before, my, their] = all.map((steps) => steps[step]);
      return {
        step, mine: change(before, my), theirs: change(before, their),
        details: my && their ? detailsOf(before, my, their) : [],
      };
    })
    .filter((each) => each.mine !== "same" || each.theirs !== "same");
}

function change(before: Step | undefined, after: Step | undefined): Change {
  if (!before) return after ? "added" : "same";
  if (!after) return "removed";
  return isEqual(before, after) ? "same" : "changed";
}

function detailsOf(base: Step | undefined, mine: Step, theirs: Step): Detail[] {
  const [before, my, their] = [base ?? {}, mine, theirs].map((step) => new Map(leaves(step, "")));
  const paths = new Set([...(my?.keys() ?? []), ...(their?.keys() ?? []), ...(before?.keys() ?? [])]);
  return [...paths]
    .map((path) => ({ path, base: before?.get(path), mine: my?.get(path), theirs: their?.get(path) }))
    .filter((each) => !isEqual(each.mine, each.theirs) || !isEqual(each.base, each.mine));
}

function leaves(value: unknown, path: string): [string, unknown][] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, each]) => leaves(each, path ? `${path}.${key}` : key));
}

/** Equal as JSON, whatever the order of its keys. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...keys].every((key) => isEqual((one as Record<string, unknown>)[key], (other as Record<string, unknown>)[key]));
}
