import { Badge, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { RunRecord, Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { Lines } from "../charts/lines";
import { Shares } from "../charts/panel";
import { duration, shown } from "../parts/forms";
import { ToRun } from "../parts/links";
import { Loaded } from "../parts/states";
import { hasEnded } from "../parts/status";
import { Rows } from "../parts/table";
import { useText } from "../text/text";
import { KeepModel } from "./keep-model";
import { pageUrl, useFiles, useLeaderboard } from "./queries";

type Board = Schemas["LeaderboardContent"];
type Trial = Schemas["AutoMLTrialContent"];

const CARD = "outputs/model_card.html";
const COLOURS: Record<string, string> = {
  completed: "green", stopped: "orange", failed: "red", passed: "green", done: "lab", alerted: "orange",
};

/** The trials of an automated run, the best first, and what it has found in the data. */
export default function Leaderboard({ run }: { run: RunRecord }) {
  const text = useText();
  const ended = hasEnded(run.status);
  const board = useLeaderboard(useWorkspace(), run.id, !ended);
  return (
    <Loaded from={board}>
      {(found) =>
        found.trials.length === 0 ? <Text size="sm" c="dimmed">{text("leaderboard.none")}</Text> : (
          <Stack gap="md">
            {found.best !== null && <KeepModel run={run} />}
            <Trials board={found} />
            <Course board={found} />
            <Importance board={found} />
            <Guardrails board={found} />
            {ended && <Card run={run} />}
          </Stack>
        )}
    </Loaded>
  );
}

function Trials({ board }: { board: Board }) {
  const text = useText();
  const best = board.best ?? board.trials.find(({ score }) => score !== null)?.run_id;
  return (
    <Rows
      label={text("run.leaderboard")} rows={board.trials} id={({ run_id }) => run_id}
      columns={[
        {
          key: "trial", title: text("leaderboard.trial"),
          cell: ({ iteration, run_id }: Trial) => (
            <Group gap={6} wrap="nowrap">
              <ToRun run={run_id}>{`#${iteration}`}</ToRun>
              {run_id === best && <Badge className="badge badge-lab" variant="default" radius="sm" tt="none">{text("leaderboard.best")}</Badge>}
            </Group>
          ),
        },
        { key: "algorithm", title: text("leaderboard.algorithm"), cell: ({ algorithm }) => algorithm },
        { key: "score", title: board.primary_metric, right: true, cell: ({ score }) => shown(score) },
        { key: "seconds", title: text("duration"), right: true, isMore: true, cell: ({ seconds }) => (seconds === null ? "–" : duration(seconds)) },
        { key: "status", title: text("status"), cell: ({ status }) => <State status={status} /> },
        { key: "pipeline", title: text("leaderboard.pipeline"), isMore: true, cell: ({ pipeline, error }) => error ?? pipeline.join(" → ") },
      ]}
    />
  );
}

const STATES = ["completed", "stopped", "failed", "passed", "done", "alerted"] as const;

function State({ status }: { status: string }) {
  const text = useText();
  const known = STATES.find((each) => each === status);
  return (
    <Badge className={`badge badge-${COLOURS[status] ?? "gray"}`} variant="default" radius="sm" tt="none">
      {known ? text(`leaderboard.${known}`) : status}
    </Badge>
  );
}

/** The scores in the order in which the trials were begun, and the best of those so far. */
function Course({ board }: { board: Board }) {
  const text = useText();
  const scored = board.trials
    .flatMap(({ iteration, score, status }) => (status === "completed" && score !== null ? [{ iteration, score }] : []))
    .sort((one, other) => one.iteration - other.iteration);
  if (scored.length < 2) return null;
  const better = board.goal === "maximize" ? Math.max : Math.min;
  const x = scored.map(({ iteration }) => iteration);
  const y = scored.map(({ score }) => score);
  const best = y.map((_, index) => better(...y.slice(0, index + 1)));
  return (
    <Section title={text("leaderboard.course")}>
      <Lines
        title={text("leaderboard.course")} xLabel={text("leaderboard.trial")} yLabel={board.primary_metric}
        lines={[{ name: text("leaderboard.course"), x, y: best }, { name: text("leaderboard.scores"), x, y, is_dots: true }]}
      />
    </Section>
  );
}

function Importance({ board }: { board: Board }) {
  const text = useText();
  const relied = Object.entries(board.importance).filter(([, value]) => value > 0).slice(0, 20);
  if (relied.length === 0) return null;
  const all = relied.reduce((sum, [, value]) => sum + value, 0);
  const title = text("leaderboard.importance");
  return (
    <Section title={title}>
      <Shares label={title} names={relied.map(([name]) => name)} shares={relied.map(([, value]) => value / all)} />
    </Section>
  );
}

function Guardrails({ board }: { board: Board }) {
  const text = useText();
  if (board.guardrails.length === 0) return null;
  return (
    <Section title={text("leaderboard.guardrails")}>
      <Rows
        label={text("leaderboard.guardrails")} rows={board.guardrails} id={({ check }) => check}
        columns={[
          { key: "check", title: text("leaderboard.check"), cell: ({ check }) => check },
          { key: "status", title: text("status"), cell: ({ status }) => <State status={status} /> },
          { key: "found", title: text("leaderboard.found"), cell: ({ description }) => description },
          { key: "columns", title: text("leaderboard.columns"), isMore: true, cell: ({ columns }) => columns.join(", ") },
        ]}
      />
    </Section>
  );
}

/** A card is a file of the run, which a script may have written: it runs nothing. */
function Card({ run }: { run: RunRecord }) {
  const text = useText();
  const workspace = useWorkspace();
  const files = useFiles(workspace, run.id);
  if (!files.data?.some(({ name }) => name === CARD)) return null;
  return (
    <Section title={text("leaderboard.card")}>
      <iframe
        sandbox="" title={text("leaderboard.card")} src={pageUrl(workspace, run.id, CARD)} className="panel"
        style={{ width: "100%", height: "70vh", background: "#fff" }}
      />
    </Section>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack className="panel" p="md" gap="xs" component="section" aria-label={title} style={{ minWidth: 0 }}>
      <Title order={2}>{title}</Title>
      {children}
    </Stack>
  );
}
