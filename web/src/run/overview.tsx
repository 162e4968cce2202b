import type { ReactNode } from "react";
import { Group, SimpleGrid, Text } from "@mantine/core";
import type { LiveRun } from "../api/live";
import type { RunRecord } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { BothLanguages, Copy } from "../parts/code";
import { shown } from "../parts/forms";
import { Description, Labels } from "../parts/labels";
import { Section } from "../parts/page";
import { Elapsed, When } from "../parts/when";
import { useText, type Key } from "../text/text";
import { useChange } from "./change";

export function Overview({ run, live }: { run: RunRecord; live: LiveRun }) {
  const text = useText();
  const may = useMay("contributor");
  const change = useChange(run);
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
      <Section title={text("run.about")}><About run={run} /></Section>
      <Section title={text("run.latest")}>
        <Pairs pairs={Object.entries(live.latest).map(([name, value]) => [name, shown(value)])} none={text("run.noMetrics")} />
      </Section>
      <Section title={text("run.params")}>
        <Pairs pairs={Object.entries(run.params ?? {}).map(([name, value]) => [name, shown(value)])} none={text("run.noParams")} />
      </Section>
      <Section title={text("run.tags")}>
        <Labels
          tags={run.tags ?? {}} may={may} set={(name, value) => change.mutate({ tags: { [name]: value } })}
          remove={(name) => change.mutate({ removed_tags: [name] })}
        />
      </Section>
      <Section title={text("run.description")}>
        <Description description={run.description ?? null} may={may} set={(description) => change.mutate({ description })} />
      </Section>
      <Section title={text("run.open")}><OpenElsewhere run={run} /></Section>
    </SimpleGrid>
  );
}

export function Pairs({ pairs, none }: { pairs: [string, ReactNode][]; none?: string }) {
  if (pairs.length === 0) return <Text size="sm" c="dimmed">{none}</Text>;
  return (
    <dl className="pairs">
      {pairs.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const TYPES: Record<string, Key> = {
  script: "run.type.script", automl: "run.type.automl", pipeline: "run.type.pipeline", sweep: "run.type.sweep",
  interactive: "run.type.interactive", offline: "run.type.offline", child: "run.type.child",
};

function About({ run }: { run: RunRecord }) {
  const text = useText();
  const context = run.context ?? {};
  const type = TYPES[run.type];
  const command = run.definition?.script ?? run.definition?.command;
  const pairs: [string, ReactNode | null][] = [
    ["id", <Group key="id" gap={6} wrap="nowrap"><code style={{ overflowWrap: "anywhere" }}>{run.id}</code><Copy value={run.id} /></Group>],
    [text("created"), <When key="created" time={run.created} />],
    [text("duration"), <Elapsed key="duration" from={run.started ?? null} to={run.ended ?? null} />],
    [text("run.type"), type ? text(type) : run.type],
    [text("run.target"), run.target ?? null],
    [text("run.script"), typeof command === "string" ? command : null],
    [text("run.exitCode"), run.exit_code ?? null],
    [text("run.user"), typeof context.user === "string" ? context.user : null],
    [text("run.host"), typeof context.host === "string" ? context.host : null],
  ];
  return <Pairs pairs={pairs.filter(([, value]) => value !== null)} />;
}

function OpenElsewhere({ run }: { run: RunRecord }) {
  const workspace = useWorkspace();
  const url = `${location.origin}/${encodeURIComponent(workspace)}`;
  return (
    <BothLanguages
      python={`from tandemlab import Workspace

run = Workspace.open("${url}").get_run("${run.id}")
run.get_metrics()`}
      r={`library(tandemlab)

run <- get_run(get_workspace("${url}"), "${run.id}")
get_run_metrics(run)`}
      shell={`tandemlab run show ${run.id} --workspace ${url}`}
    />
  );
}
