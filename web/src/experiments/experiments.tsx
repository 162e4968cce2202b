import { Button, Group, Switch, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { api, type Schemas } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { BothLanguages } from "../parts/code";
import { place, To } from "../parts/links";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { useTell } from "../parts/tell";
import { When } from "../parts/when";
import { useText } from "../text/text";
import { useExperiments } from "./queries";

type Experiment = Schemas["ExperimentRecord"];

export default function Experiments() {
  const text = useText();
  const workspace = useWorkspace();
  const experiments = useExperiments(workspace);
  const [search, setSearch] = useSearchParams();
  const showsArchived = search.has("archived");
  return (
    <Page
      title={text("experiments.title")}
      actions={
        <Switch
          label={text("experiments.archived")}
          checked={showsArchived}
          onChange={(event) => setSearch(event.currentTarget.checked ? { archived: "" } : {})}
        />
      }
    >
      <Loaded from={experiments}>
        {(all) => {
          const shown = all.filter((each) => showsArchived || !each.archived);
          return shown.length === 0 ? <NoExperiments /> : <Table experiments={shown} />;
        }}
      </Loaded>
    </Page>
  );
}

function NoExperiments() {
  const text = useText();
  return (
    <Empty title={text("experiments.none")}>
      <Text size="sm">{text("experiments.first")}</Text>
      <FirstRun />
    </Empty>
  );
}

/** The shortest code that makes a run in this workspace. */
export function FirstRun() {
  const workspace = useWorkspace();
  const url = `${location.origin}/${encodeURIComponent(workspace)}`;
  return (
    <BothLanguages
      python={`from tandemlab import Workspace

lab = Workspace.open("${url}")
with lab.experiment("first").start_logging() as run:
    run.log("loss", 0.5)`}
      r={`library(tandemlab)

lab <- get_workspace("${url}")
run <- start_logging_run(experiment(lab, "first"))
log_metric_to_run("loss", 0.5, run = run)
complete_run(run)`}
      shell={`tandemlab run submit train.py --workspace ${url}`}
    />
  );
}

function Table({ experiments }: { experiments: Experiment[] }) {
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  return (
    <Rows
      label={text("experiments.title")}
      rows={experiments}
      id={({ name }) => name}
      columns={[
        {
          key: "name",
          title: text("name"),
          cell: ({ name, archived }) => (
            <Group gap="xs">
              <To to={place.runs(workspace, { experiment: name })}>{name}</To>
              {archived && <Text size="xs" c="dimmed">{text("experiments.isArchived")}</Text>}
            </Group>
          ),
        },
        { key: "runs", title: text("runs.title"), right: true, cell: ({ run_count }) => text.number(run_count) },
        { key: "created", title: text("created"), isMore: true, cell: ({ created }) => <When time={created} /> },
        ...(may ? [{ key: "actions", title: "", right: true, cell: (row: Experiment) => <Archive experiment={row} /> }] : []),
      ]}
    />
  );
}

function Archive({ experiment }: { experiment: Experiment }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const tell = useTell();
  const archive = useMutation({
    mutationFn: (archived: boolean) =>
      api.PATCH("/api/v1/workspaces/{workspace}/experiments/{experiment}", {
        params: { path: { workspace, experiment: experiment.name } },
        body: { archived },
      }),
    onSuccess: (_, archived) => {
      void client.invalidateQueries({ queryKey: ["experiments", workspace] });
      if (archived) {
        tell.undoable(text("experiments.wasArchived", { name: experiment.name }), () => archive.mutate(false));
      }
    },
    onError: tell.error,
  });
  const archived = experiment.archived;
  return (
    <Button
      size="compact-xs"
      variant="default"
      loading={archive.isPending}
      aria-label={`${text(archived ? "experiments.restore" : "experiments.archive")}: ${experiment.name}`}
      onClick={() => archive.mutate(!archived)}
    >
      {text(archived ? "experiments.restore" : "experiments.archive")}
    </Button>
  );
}
