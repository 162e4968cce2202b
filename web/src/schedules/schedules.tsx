import { Badge, Button, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { AskingButton } from "../parts/asking";
import { Code } from "../parts/code";
import { Confirmed } from "../parts/confirmed";
import { ToRun } from "../parts/links";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { RowActs, Rows } from "../parts/table";
import { useTell } from "../parts/tell";
import { When } from "../parts/when";
import { useText } from "../text/text";
import { NewSchedule } from "./new-schedule";
import { useSchedules, type Schedule } from "./queries";
import type { CatchUp, Overlap } from "./trigger";

/** What runs by itself: when next, and what became of it. */
export default function Schedules() {
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  const schedules = useSchedules(workspace);
  return (
    <Page
      title={text("schedules.title")}
      actions={<AskingButton title={text("schedules.new")} dialog={(close) => <NewSchedule close={close} />} />}
    >
      <Loaded from={schedules}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={text("schedules.none")}>
              <Text size="sm">{text("schedules.first")}</Text>
              <Code code="tandemlab schedule create --help" label={text("code.shell")} />
            </Empty>
          ) : (
            <Rows
              label={text("schedules.title")} rows={all} id={({ name }) => name}
              columns={[
                {
                  key: "name", title: text("name"),
                  cell: ({ name, description }) => <div>{name}{description && <Text size="xs" c="dimmed">{description}</Text>}</div>,
                },
                { key: "status", title: text("status"), cell: ({ status }) => <Badge className="badge" variant="default" radius="sm" tt="none">{status}</Badge> },
                { key: "trigger", title: text("schedules.trigger"), isMore: true, cell: (each) => <Terms schedule={each} /> },
                {
                  key: "next", title: text("schedules.next"),
                  cell: ({ next }) => next.length === 0 ? "–" : next.map((time) => <div key={time} className="moment">{text.when(time)}</div>),
                },
                ...(may ? [{ key: "actions", title: "", right: true, cell: (each: Schedule) => <Actions schedule={each} /> }] : []),
              ]}
            />
          )}
      </Loaded>
      <History />
    </Page>
  );
}

/** When it fires, and what holds for its firings. */
function Terms({ schedule: { trigger, start, end, overlap, catch_up } }: { schedule: Schedule }) {
  const text = useText();
  const terms = [
    start && `${text("schedules.start")}: ${text.when(start)}`,
    end && `${text("schedules.end")}: ${text.when(end)}`,
    `${text("schedules.overlap")}: ${text(`schedules.overlap.${overlap as Overlap}`)}`,
    trigger.kind === "recurrence" && `${text("schedules.catchUp")}: ${text(`schedules.catchUp.${catch_up as CatchUp}`)}`,
  ];
  return (
    <div>
      {triggerOf(trigger, text)}
      {terms.map((each) => each && <Text key={each} size="xs" c="dimmed">{each}</Text>)}
    </div>
  );
}

/** The kind, and what tells one of that kind from another. */
function triggerOf(trigger: Record<string, unknown>, text: ReturnType<typeof useText>): string {
  const { kind, ...more } = trigger;
  const parts = Object.entries(more)
    .filter(([, value]) => ["string", "number"].includes(typeof value))
    .map(([name, value]) => `${name} ${name === "start_time" ? text.when(String(value)) : String(value)}`);
  return [String(kind), ...parts].join(", ");
}

function Actions({ schedule: { name, status } }: { schedule: Schedule }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const tell = useTell();
  const asked = { params: { path: { workspace, name } } };
  const isPaused = status.toLowerCase() === "paused";
  const toggle = useMutation({
    mutationFn: () => isPaused
      ? api.POST("/api/v1/workspaces/{workspace}/schedules/{name}/resume", asked)
      : api.POST("/api/v1/workspaces/{workspace}/schedules/{name}/pause", asked),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["schedules", workspace] }),
    onError: tell.error,
  });
  const run = useMutation({
    mutationFn: () => got(api.POST("/api/v1/workspaces/{workspace}/schedules/{name}/runs", asked)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["firings", workspace] });
      tell.done(text("schedules.ran", { name })); // its run is there once the agent has made it
    },
    onError: tell.error,
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/api/v1/workspaces/{workspace}/schedules/{name}", asked),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["schedules", workspace] }),
    onError: tell.error,
  });
  const said = text(isPaused ? "schedules.resume" : "schedules.pause");
  return (
    <RowActs>
      <Button size="compact-xs" variant="default" loading={run.isPending} aria-label={`${text("schedules.runNow")}: ${name}`} onClick={() => run.mutate()}>
        {text("schedules.runNow")}
      </Button>
      <Button size="compact-xs" variant="default" loading={toggle.isPending} aria-label={`${said}: ${name}`} onClick={() => toggle.mutate()}>{said}</Button>
      <Confirmed said={text("run.delete")} about={name} act={() => remove.mutate()} />
    </RowActs>
  );
}

function History() {
  const text = useText();
  const workspace = useWorkspace();
  const firings = useQuery({
    queryKey: ["firings", workspace],
    queryFn: () =>
      got(api.GET("/api/v1/workspaces/{workspace}/firings", { params: { path: { workspace }, query: { limit: 100 } } })),
    refetchInterval: 5_000,
  });
  return (
    <Loaded from={firings}>
      {(all) => {
        if (all.length === 0) return null;
        return (
          <Stack gap="xs" component="section">
            <Title order={2}>{text("schedules.history")}</Title>
            <Rows
              label={text("schedules.history")} rows={all} id={({ schedule, slot }) => `${schedule} ${slot}`}
              columns={[
                { key: "schedule", title: text("schedules.schedule"), cell: ({ schedule }) => schedule },
                { key: "due", title: text("schedules.due"), cell: ({ due }) => <When time={due} /> },
                { key: "state", title: text("status"), cell: ({ state }) => state },
                { key: "run", title: text("run"), cell: ({ run_id }) => run_id ? <ToRun run={run_id}>{run_id}</ToRun> : "–" },
              ]}
            />
          </Stack>
        );
      }}
    </Loaded>
  );
}
