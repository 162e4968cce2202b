import { Badge, Group, Stack, Text, Title } from "@mantine/core";
import type { RunRecord, Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { PanelChart } from "../charts/panel";
import { duration, number, shown } from "../parts/forms";
import { ToRun } from "../parts/links";
import { Loaded } from "../parts/states";
import { hasEnded, Status } from "../parts/status";
import { Rows } from "../parts/table";
import { useText, type Key } from "../text/text";
import { useTrialPanels, useTrials } from "./queries";

type Trial = Schemas["TrialContent"];

const KINDS = ["history", "parallel", "importance"] as const;

/** A sweep's trials, the best first, and what they say about its hyper-parameters. */
export default function Trials({ run }: { run: RunRecord }) {
  const text = useText();
  const trials = useTrials(useWorkspace(), run.id, !hasEnded(run.status));
  return (
    <Loaded from={trials}>
      {(sweep) =>
        sweep.trials.length === 0 ? <Text size="sm" c="dimmed">{text("trials.none")}</Text> : (
          <Stack gap="md">
            <Best sweep={sweep} />
            <Rows
              label={text("run.trials")} rows={sweep.trials} id={({ run_id }) => run_id}
              columns={[
                { key: "trial", title: text("trials.trial"), cell: ({ number, run_id }) => <ToRun run={run_id}>{`#${number}`}</ToRun> },
                { key: "value", title: sweep.primary_metric, right: true, cell: ({ value }) => shown(value) },
                ...sweep.hyperparameters.map((name) => ({
                  key: `hyperparameters.${name}`, title: name, right: true,
                  cell: ({ hyperparameters }: Trial) => shown(hyperparameters[name]),
                })),
                { key: "status", title: text("status"), cell: ({ status }) => <State status={status} /> },
                { key: "duration", title: text("duration"), right: true, isMore: true, cell: (trial) => trial.duration === null ? "–" : duration(trial.duration) },
                { key: "note", title: text("trials.note"), isMore: true, cell: ({ reason, error }) => reason ?? error ?? "" },
              ]}
            />
            {KINDS.map((kind) => (
              <Picture key={kind} run={run} kind={kind} ended={sweep.trials.filter(({ status }) => isOver(status)).length} />
            ))}
          </Stack>
        )}
    </Loaded>
  );
}

const isOver = (status: Trial["status"]) => status === "Stopped" || hasEnded(status);

function Best({ sweep }: { sweep: Schemas["TrialsContent"] }) {
  const text = useText();
  const [best] = sweep.trials;
  if (typeof best?.value !== "number") return null;
  return (
    <Group gap="xs">
      <Text size="sm">{text(sweep.goal === "maximize" ? "trials.greatest" : "trials.least", { metric: sweep.primary_metric })}</Text>
      <Text size="sm" fw={650} className="numbers">{number(best.value)}</Text>
      <ToRun run={best.run_id}>{`#${best.number}`}</ToRun>
    </Group>
  );
}

/** A trial that its sweep stopped has not failed, and nobody canceled it. */
function State({ status }: { status: Trial["status"] }) {
  const text = useText();
  if (status !== "Stopped") return <Status status={status} />;
  return <Badge className="badge badge-orange" variant="default" radius="sm" tt="none">{text("trials.stopped")}</Badge>;
}

/** What the server's pictures call things. */
const WORDS: Record<string, Key> = { trial: "trials.trial", "best so far": "leaderboard.course" };

function Picture({ run, kind, ended }: { run: RunRecord; kind: (typeof KINDS)[number]; ended: number }) {
  const text = useText();
  const title = text(`trials.${kind}`);
  const panels = useTrialPanels(useWorkspace(), run.id, kind, ended);
  const said = (name: string) => (WORDS[name] ? text(WORDS[name]) : name);
  return (
    <Loaded from={panels}>
      {(all) => all.map((panel) => (
        <Stack key={kind} className="panel" p="md" gap="xs" component="section" aria-label={title} style={{ minWidth: 0 }}>
          <Title order={2}>{title}</Title>
          <PanelChart panel={{ ...panel, title, x_label: said(panel.x_label), lines: panel.lines.map((line) => ({ ...line, name: said(line.name) })) }} />
        </Stack>
      ))}
    </Loaded>
  );
}
