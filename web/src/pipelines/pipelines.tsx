import { useState } from "react";
import { Badge, Button, Group, Stack, Switch, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearchParams } from "react-router";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { AskingButton } from "../parts/asking";
import { Dialog } from "../parts/dialog";
import { Graph } from "../parts/graph";
import { place, ToRun } from "../parts/links";
import { Listed } from "../parts/listed";
import { Page } from "../parts/page";
import { given, ParameterFields } from "../parts/parameters";
import { ErrorBox, Loaded } from "../parts/states";
import { Status } from "../parts/status";
import { RowAct, RowActs, Rows } from "../parts/table";
import { Elapsed, When } from "../parts/when";
import { NewSchedule } from "../schedules/new-schedule";
import { useText } from "../text/text";
import { usePublished, type Published as Pipeline } from "./queries";
import { VersionActs } from "./version-acts";

const isDisabled = ({ status }: Pipeline) => status === "Disabled";

/** Published pipelines, and what ran lately. */
export default function Pipelines() {
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  const [shownOne, setShown] = useState<Pipeline | null>(null);
  const [started, setStarted] = useState<Pipeline | null>(null);
  const [search, setSearch] = useSearchParams();
  const showsDisabled = search.has("disabled");
  const published = usePublished(workspace, showsDisabled);
  return (
    <Page
      title={text("pipelines.title")}
      actions={
        <Switch
          label={text("pipelines.showDisabled")} checked={showsDisabled}
          onChange={(event) => setSearch(event.currentTarget.checked ? { disabled: "" } : {}, { replace: true })}
        />
      }
    >
      <Listed from={published} section="pipelines" code="tandemlab pipeline publish study.yml">
        {(all) => (
          <Rows
            label={text("pipelines.title")} rows={all} id={({ id }) => id}
            columns={[
              {
                key: "name", title: text("name"),
                cell: (each) => (
                  <Group gap="xs" wrap="nowrap">
                    <Button variant="transparent" size="compact-sm" p={0} c="var(--mantine-color-anchor)" fw={400} onClick={() => setShown(each)}>
                      {each.name}
                    </Button>
                    {isDisabled(each) && <Badge className="badge" variant="default" radius="sm" tt="none">{text("pipelines.disabled")}</Badge>}
                  </Group>
                ),
              },
              { key: "version", title: text("version"), right: true, cell: ({ version, is_default }) => `${version}${is_default ? ` (${text("pipelines.default")})` : ""}` },
              { key: "steps", title: text("run.steps"), right: true, cell: ({ steps }) => steps.length },
              { key: "published", title: text("pipelines.published"), isMore: true, right: true, cell: (each) => <When time={each.published} /> },
              ...(may ? [{
                key: "actions", title: "", right: true,
                cell: (each: Pipeline) => (
                  <RowActs>
                    {!isDisabled(each) && (
                      <RowAct said={text("pipelines.run")} about={`${each.name} ${each.version}`} act={() => setStarted(each)} />
                    )}
                    <VersionActs pipeline={each} />
                  </RowActs>
                ),
              }] : []),
            ]}
          />
        )}
      </Listed>
      {shownOne && (
        <Stack gap="xs" component="section">
          <Group justify="space-between">
            <Title order={2}>{shownOne.id}</Title>
            <AskingButton title={text("designer.schedule")} dialog={(close) => <NewSchedule pipeline={shownOne.name} close={close} />} />
          </Group>
          {shownOne.description && <Text size="sm">{shownOne.description}</Text>}
          <Graph
            label={shownOne.id} nodes={shownOne.steps.map((name) => ({ id: name, title: name, kind: text("steps.step") }))}
            links={Object.entries(shownOne.needs).flatMap(([to, needs]) => needs.map((from) => ({ from, to })))}
          />
        </Stack>
      )}
      <RecentRuns />
      {started && <Start pipeline={started} close={() => setStarted(null)} />}
    </Page>
  );
}

function RecentRuns() {
  const text = useText();
  const workspace = useWorkspace();
  const runs = useQuery({
    queryKey: ["pipeline-runs", workspace],
    queryFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/runs/search", {
          params: { path: { workspace } },
          body: { type: "pipeline", include_children: false, oldest_first: false, offset: 0, order_by: [], limit: 25 },
        }),
      ),
    refetchInterval: 3_000,
  });
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{text("pipelines.runs")}</Title>
      <Loaded from={runs}>
        {(all) =>
          all.length === 0 ? <Text size="sm" c="dimmed">{text("pipelines.noRuns")}</Text> : (
            <Rows
              label={text("pipelines.runs")} rows={all} id={({ id }) => id}
              columns={[
                { key: "run", title: text("run"), cell: ({ id, display_name }) => <ToRun run={id}>{display_name}</ToRun> },
                { key: "experiment", title: text("runs.experiment"), isMore: true, cell: ({ experiment }) => experiment },
                { key: "status", title: text("status"), cell: ({ status }) => <Status status={status} /> },
                { key: "duration", title: text("duration"), right: true, isMore: true, cell: ({ started, ended }) => <Elapsed from={started ?? null} to={ended ?? null} /> },
                { key: "created", title: text("created"), right: true, cell: ({ created }) => <When time={created} /> },
              ]}
            />
          )}
      </Loaded>
    </Stack>
  );
}

/** Asks for the parameters, and runs the pipeline; the server says what is wrong with them. */
function Start({ pipeline, close }: { pipeline: Pipeline; close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [typed, setTyped] = useState<Record<string, string>>({});
  const start = useMutation({
    mutationFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/pipelines/{name}/runs", {
          params: { path: { workspace, name: pipeline.name } },
          body: {
            version: pipeline.version, regenerate_outputs: false, tags: {},
            pipeline_parameters: given(typed, pipeline.parameters),
          },
        }),
      ),
    onSuccess: (run) => void navigate(place.run(workspace, run.id, "steps")),
  });
  return (
    <Dialog close={close} title={`${text("pipelines.run")}: ${pipeline.id}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate();
        }}
      >
        <Stack>
          <ParameterFields
            parameters={pipeline.parameters} typed={typed} type={(name, value) => setTyped((old) => ({ ...old, [name]: value }))}
          />
          {start.error && <ErrorBox error={start.error} />}
          <Group justify="flex-end"><Button type="submit" loading={start.isPending}>{text("pipelines.run")}</Button></Group>
        </Stack>
      </form>
    </Dialog>
  );
}
