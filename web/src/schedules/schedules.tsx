import { Stack, Text, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { AskingButton } from "../parts/asking";
import { Confirmed } from "../parts/confirmed";
import { ToRun } from "../parts/links";
import { Listed } from "../parts/listed";
import { Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { RowAct, RowActs, Rows, Working } from "../parts/table";
import { useTell } from "../parts/tell";
import { When } from "../parts/when";
import { useText } from "../text/text";
import { NewSchedule } from "./new-schedule";
import { useSchedules, type Schedule } from "./queries";
import type { CatchUp, Overlap } from "./trigger";
import { FIRING_STATES, triggerWords } from "./words";

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
      <Listed from={schedules} section="schedules" code="tandemlab schedule create --help">
        {(all) => (
          <Rows
            label={text("schedules.title")} rows={all} id={({ name }) => name}
            columns={[
              { key: "name", title: text("name"), cell: (each) => <Working {...each} /> },
              { key: "trigger", title: text("schedules.trigger"), cell: (each) => <Terms schedule={each} /> },
              {
                key: "next", title: text("schedules.next"), isMore: true,
                cell: ({ next }) => next.length === 0 ? "–" : next.map((time) => <div key={time} className="moment">{text.when(time)}</div>),
              },
              ...(may ? [{ key: "actions", title: "", right: true, cell: (each: Schedule) => <Actions schedule={each} /> }] : []),
            ]}
          />
        )}
      </Listed>
      <History />
    </Page>
  );
}

/** When it fires, and what holds for its firings; on a phone also when next. */
function Terms({ schedule: { trigger, start, end, overlap, catch_up, next: [next] } }: { schedule: Schedule }) {
  const text = useText();
  const terms = [
    start && `${text("schedules.start")}: ${text.when(start)}`,
    end && `${text("schedules.end")}: ${text.when(end)}`,
    `${text("schedules.overlap")}: ${text(`schedules.overlap.${overlap as Overlap}`)}`,
    trigger.kind === "recurrence" && `${text("schedules.catchUp")}: ${text(`schedules.catchUp.${catch_up as CatchUp}`)}`,
  ];
  return (
    <div>
      {triggerWords(text, trigger)}
      {next && <Text size="xs" className="narrow">{text("schedules.next")}: {text.when(next)}</Text>}
      {terms.map((each) => each && <Text key={each} size="xs" c="dimmed">{each}</Text>)}
    </div>
  );
}

function Actions({ schedule: { name, status } }: { schedule: Schedule }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const tell = useTell();
  const asked = { params: { path: { workspace, name } } };
  const isPaused = status === "Paused";
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
  return (
    <RowActs>
      <RowAct said={text("schedules.runNow")} about={name} isBusy={run.isPending} act={() => run.mutate()} />
      <RowAct said={text(isPaused ? "schedules.resume" : "schedules.pause")} about={name} isBusy={toggle.isPending} act={() => toggle.mutate()} />
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
                {
                  key: "state", title: text("status"),
                  cell: ({ state, reason }) => <div>{text(FIRING_STATES[state] ?? "status")}{reason && <Text size="xs" c="dimmed">{reason}</Text>}</div>,
                },
                { key: "run", title: text("run"), cell: ({ run_id }) => run_id ? <ToRun run={run_id}><span className="id">{run_id}</span></ToRun> : "–" },
              ]}
            />
          </Stack>
        );
      }}
    </Loaded>
  );
}
