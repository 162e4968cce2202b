import { Button, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import type { RunRecord } from "../api/client";
import { useLiveRuns } from "../api/live";
import { useWorkspace } from "../api/session";
import { FirstRun } from "../experiments/experiments";
import { place, To, ToRun } from "../parts/links";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { hasEnded, Status } from "../parts/status";
import { Rows } from "../parts/table";
import { Elapsed, When } from "../parts/when";
import { useText } from "../text/text";
import { advice, type Advice } from "./advice";

const FEW = 8;

export default function Home() {
  const text = useText();
  const workspace = useWorkspace();
  const runs = useLiveRuns(workspace);
  return (
    <Page title={workspace} name={`${text("home.title")} · ${workspace}`}>
      <Loaded from={runs}>
        {(all) => {
          const own = all.filter((run) => !run.parent);
          if (own.length === 0) return <Nothing />;
          return <Overview runs={own} />;
        }}
      </Loaded>
    </Page>
  );
}

function Nothing() {
  const text = useText();
  return (
    <Empty title={text("home.empty")}>
      <Text size="sm">{text("home.first")}</Text>
      <FirstRun />
    </Empty>
  );
}

function Overview({ runs }: { runs: RunRecord[] }) {
  const text = useText();
  const workspace = useWorkspace();
  const running = runs.filter(({ status }) => !hasEnded(status));
  const failing = runs.filter(({ status }) => status === "Failed").slice(0, FEW);
  const next = advice(runs);
  return (
    <>
      {next.length > 0 && <Next all={next} />}
      <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
        <Runs title={text("home.running")} runs={running.slice(0, FEW)} none={text("home.noneRunning")} />
        <Runs title={text("home.failing")} runs={failing} none={text("home.noneFailing")} showsError />
      </SimpleGrid>
      <Runs title={text("home.recent")} runs={runs.slice(0, FEW)} none="" />
      <To to={place.runs(workspace)}>{text("home.all")}</To>
    </>
  );
}

function Next({ all }: { all: Advice[] }) {
  const text = useText();
  const workspace = useWorkspace();
  return (
    <Stack className="panel" p="md" gap={6} component="section" aria-label={text("home.next")}>
      <Title order={2}>{text("home.next")}</Title>
      {all.map(({ key, values, to, action }) => (
        <Group key={key} justify="space-between" gap="xs">
          <Text size="sm">{text(key, values)}</Text>
          <Button component={Link} to={to(workspace)} size="compact-sm" variant="default">{text(action)}</Button>
        </Group>
      ))}
    </Stack>
  );
}

function Runs(props: { title: string; runs: RunRecord[]; none: string; showsError?: boolean }) {
  const { title, runs, none, showsError = false } = props;
  const text = useText();
  return (
    <Stack gap={6} component="section">
      <Title order={2}>{title}</Title>
      {runs.length === 0 ? (
        <Text size="sm" c="dimmed">{none}</Text>
      ) : (
        <Rows
          label={title}
          rows={runs}
          id={({ id }) => id}
          columns={[
            {
              key: "run",
              title: text("run"),
              cell: (run) => (
                <div>
                  <ToRun run={run.id}>{run.display_name}</ToRun>
                  <Text size="xs" c="dimmed">{run.experiment}/{run.number}</Text>
                  {showsError && run.error && <Text size="xs" c="dimmed" lineClamp={2}>{run.error.message}</Text>}
                </div>
              ),
            },
            { key: "status", title: text("status"), cell: ({ status }) => <Status status={status} /> },
            {
              key: "duration",
              title: text("duration"),
              right: true,
              isMore: true,
              cell: ({ started, ended }) => <Elapsed from={started} to={ended} />,
            },
            { key: "created", title: text("created"), right: true, cell: ({ created }) => <When time={created} /> },
          ]}
        />
      )}
    </Stack>
  );
}
