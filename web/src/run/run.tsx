import { lazy, Suspense, useState } from "react";
import { Alert, Button, Group, Loader, Menu, Tabs, Text, TextInput } from "@mantine/core";
import { useNavigate, useParams } from "react-router";
import { useLiveRun, type LiveRun } from "../api/live";
import type { RunRecord } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { Icon } from "../parts/icon";
import { place, To } from "../parts/links";
import { Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { hasEnded, Status } from "../parts/status";
import { useText, type Key } from "../text/text";
import { useRunActions } from "./actions";
import { useChange } from "./change";
import { Log } from "./log";
import { Overview } from "./overview";
import { useRun } from "./queries";

const Metrics = lazy(() => import("./metrics"));
const Files = lazy(() => import("./files"));
const Source = lazy(() => import("./source"));
const Environment = lazy(() => import("./environment"));
const LineageTab = lazy(() => import("./lineage"));
const Steps = lazy(() => import("./steps"));
const Trials = lazy(() => import("./trials"));
const Leaderboard = lazy(() => import("./leaderboard"));
const Children = lazy(() => import("./children"));

type TabProps = { run: RunRecord; live: LiveRun };
const TABS: Record<string, { title: Key; isOf?: (run: RunRecord) => boolean; show: (props: TabProps) => React.ReactNode }> = {
  overview: { title: "run.overview", show: (props) => <Overview {...props} /> },
  steps: { title: "run.steps", isOf: ({ type }) => type === "pipeline", show: ({ run }) => <Steps run={run} /> },
  trials: { title: "run.trials", isOf: ({ type }) => type === "sweep", show: ({ run }) => <Trials run={run} /> },
  leaderboard: { title: "run.leaderboard", isOf: ({ type }) => type === "automl", show: ({ run }) => <Leaderboard run={run} /> },
  metrics: { title: "run.metrics", show: (props) => <Metrics {...props} /> },
  log: { title: "run.log", show: ({ live, run }) => <Log live={live} run={run} /> },
  files: { title: "run.files", show: ({ run }) => <Files run={run} /> },
  source: { title: "run.source", isOf: ({ snapshot }) => Boolean(snapshot), show: ({ run }) => <Source run={run} /> },
  environment: { title: "run.environment", show: ({ run }) => <Environment run={run} /> },
  lineage: { title: "run.lineage", show: ({ run }) => <LineageTab run={run} /> },
  children: { title: "run.children", show: ({ run }) => <Children run={run} /> },
};

export default function RunPage() {
  const { run: id = "" } = useParams();
  const workspace = useWorkspace();
  const run = useRun(workspace, id);
  return <Loaded from={run}>{(record) => <Shown key={record.id} run={record} />}</Loaded>;
}

function Shown({ run }: { run: RunRecord }) {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const { tab = "overview" } = useParams();
  const live = useLiveRun(workspace, run.id);
  const shown = TABS[tab]?.isOf?.(run) === false || !(tab in TABS) ? "overview" : tab;
  return (
    <Page
      name={run.display_name}
      title={<Name run={run} />}
      actions={<Actions run={run} />}
    >
      <Group gap="xs">
        <Status status={run.status} />
        <To to={place.runs(workspace, { experiment: run.experiment })}>{run.experiment}</To>
        <Text size="sm" c="dimmed">#{run.number}</Text>
        {run.parent && <To to={place.run(workspace, run.parent)}>{text("run.parent")}</To>}
        {!live.ended && !live.connected && !hasEnded(run.status) && (
          <Text size="xs" c="dimmed" role="status">{text("run.reconnecting")}</Text>
        )}
      </Group>
      {run.error && (
        <Alert color="red" variant="outline" title={text("run.failed")}>
          <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{run.error.message}</Text>
        </Alert>
      )}
      <Tabs
        value={shown}
        onChange={(next) => void navigate(place.run(workspace, run.id, next === "overview" ? undefined : next ?? undefined), { replace: true })}
        keepMounted={false}
      >
        <Tabs.List aria-label={text("run.parts")} style={{ overflowX: "auto", flexWrap: "nowrap" }}>
          {Object.entries(TABS).filter(([, { isOf }]) => isOf?.(run) ?? true).map(([name, { title }]) => (
            <Tabs.Tab key={name} value={name}>{text(title)}</Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={shown} pt="md">
          <Suspense fallback={<Loader size="sm" role="status" aria-label={text("loading")} />}>
            {TABS[shown]?.show({ run, live })}
          </Suspense>
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

/** The run's name, which contributors change in its place. */
function Name({ run }: { run: RunRecord }) {
  const text = useText();
  const change = useChange(run);
  const may = useMay("contributor");
  const [typed, setTyped] = useState<string | null>(null);
  if (typed === null) {
    return (
      <Group gap="xs" component="span">
        {run.display_name}
        {may && (
          <Button size="compact-xs" variant="subtle" c="dimmed" onClick={() => setTyped(run.display_name)}>
            {text("run.rename")}
          </Button>
        )}
      </Group>
    );
  }
  const apply = () => {
    setTyped(null);
    if (typed.trim() && typed !== run.display_name) change.mutate({ display_name: typed.trim() });
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <TextInput
        autoFocus aria-label={text("run.newName")} value={typed} onBlur={apply}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && setTyped(null)}
      />
    </form>
  );
}

function Actions({ run }: { run: RunRecord }) {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const may = useMay("contributor");
  const { remove, cancel } = useRunActions(workspace);
  if (!may) return null;
  return (
    <>
      {!hasEnded(run.status) && (
        <Button variant="default" disabled={run.status === "CancelRequested"} onClick={() => cancel([run.id])}>
          {text("run.cancel")}
        </Button>
      )}
      {hasEnded(run.status) && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" aria-label={text("run.more")}><Icon name="more" /></Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              onClick={() => {
                remove([run.id]);
                void navigate(place.runs(workspace));
              }}
            >
              {text("run.delete")}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}
