import { useState } from "react";
import { Stack, Switch } from "@mantine/core";
import type { RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { shown } from "../parts/forms";
import { ToRun } from "../parts/links";
import { Loaded } from "../parts/states";
import { Status } from "../parts/status";
import { Rows, type Column } from "../parts/table";
import { Elapsed } from "../parts/when";
import { useText, type Text as Texts } from "../text/text";
import { useLatest } from "./compare";

type Fact = { key: string; group: string; name: string; values: (run: RunRecord) => unknown };

/** What the runs were given and what came of it: a column for each run. */
export function Table({ runs }: { runs: RunRecord[] }) {
  const text = useText();
  const latest = useLatest(useWorkspace(), runs.map(({ id }) => id));
  const [onlyDifferent, setOnlyDifferent] = useState(false);
  return (
    <Loaded from={latest}>
      {(values) => {
        const facts = [
          ...factsOf(text("run.params"), runs, (run) => run.params ?? {}),
          ...factsOf(text("run.metrics"), runs, (run) => values[run.id] ?? {}),
          ...factsOf(text("run.tags"), runs, (run) => run.tags ?? {}),
          ...aboutRuns(text),
        ].filter((fact) => !onlyDifferent || new Set(runs.map((run) => shown(fact.values(run)))).size > 1);
        return (
          <Stack gap="xs">
            <Switch
              label={text("compare.onlyDifferent")} checked={onlyDifferent}
              onChange={(event) => setOnlyDifferent(event.currentTarget.checked)}
            />
            <Rows
              label={text("compare.values")} rows={facts} id={({ key }) => key}
              columns={[
                { key: "name", title: text("name"), cell: ({ name, group }) => <span title={group}>{name}</span> },
                ...runs.map((run): Column<Fact> => ({
                  key: run.id,
                  title: <ToRun run={run.id}>{run.display_name}</ToRun>,
                  right: true,
                  cell: ({ key, values: value }) => special(key, run) ?? shown(value(run)),
                })),
              ]}
            />
          </Stack>
        );
      }}
    </Loaded>
  );
}

function factsOf(group: string, runs: RunRecord[], of: (run: RunRecord) => Record<string, unknown>): Fact[] {
  const names = [...new Set(runs.flatMap((run) => Object.keys(of(run))))];
  return names.map((name) => ({ key: `${group}.${name}`, group, name, values: (run) => of(run)[name] }));
}

function aboutRuns(text: Texts): Fact[] {
  return [
    { key: "status", group: "", name: text("status"), values: ({ status }) => status },
    { key: "duration", group: "", name: text("duration"), values: ({ ended }) => ended },
    { key: "experiment", group: "", name: text("runs.experiment"), values: ({ experiment }) => experiment },
    { key: "target", group: "", name: text("run.target"), values: ({ target }) => target },
  ];
}

function special(key: string, run: RunRecord) {
  if (key === "status") return <Status status={run.status} />;
  if (key === "duration") return <Elapsed from={run.started ?? null} to={run.ended ?? null} />;
  return null;
}
