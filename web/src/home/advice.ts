import type { RunRecord } from "../api/client";
import { place } from "../parts/links";
import type { Key } from "../text/text";

export type Advice = {
  key: Key;
  values: Record<string, string | number>;
  to: (workspace: string) => string;
  action: Key;
};

/** What seems worth doing next, by the newest runs: they come newest first. */
export function advice(runs: RunRecord[]): Advice[] {
  return [lookAtFailure(runs), compareNewest(runs), findQueued(runs)].filter((each) => each !== null);
}

function lookAtFailure(runs: RunRecord[]): Advice | null {
  const [newest] = runs;
  if (newest?.status !== "Failed") return null;
  const tab = newest.type === "script" ? "log" : undefined;
  return {
    key: "advice.failed",
    values: { run: newest.display_name },
    to: (workspace) => place.run(workspace, newest.id, tab),
    action: "advice.look",
  };
}

function compareNewest(runs: RunRecord[]): Advice | null {
  const done = runs.filter(({ status }) => status === "Completed");
  const like = (run: RunRecord) => done.filter(({ experiment }) => experiment === run.experiment);
  const newest = done.find((run) => like(run).length > 1);
  if (newest === undefined) return null;
  const same = like(newest).slice(0, 3);
  return {
    key: "advice.compare",
    values: { n: same.length, experiment: newest.experiment },
    to: (workspace) => place.compare(workspace, same.map(({ id }) => id)),
    action: "advice.doCompare",
  };
}

function findQueued(runs: RunRecord[]): Advice | null {
  const queued = runs.filter(({ status }) => status === "Queued");
  if (queued.length === 0) return null;
  return {
    key: "advice.queued",
    values: { n: queued.length },
    to: (workspace) => place.section(workspace, "compute"),
    action: "advice.compute",
  };
}
