import { useState } from "react";
import { Select } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, got, type Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { Asking, AskingButton } from "../parts/asking";
import type { Asset } from "../parts/assets";
import { duration } from "../parts/forms";
import { place } from "../parts/links";
import { useText } from "../text/text";

const SECONDS = [20, 60, 300, 900, 3600];
type Task = Schemas["AutoMLSubmission"]["task"];

/** Looks for the best model of a dataset: automated machine learning. */
export function FindModel({ asset }: { asset: Asset }) {
  const text = useText();
  return <AskingButton title={text("automl.find")} dialog={(close) => <Search asset={asset} close={close} />} />;
}

function Search({ asset, close }: { asset: Asset; close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const [label, setLabel] = useState<string | null>(null);
  const [task, setTask] = useState<NonNullable<Task> | null>(null);
  const [seconds, setSeconds] = useState("60");
  const { name, version } = asset;
  const rows = useQuery({
    queryKey: ["rows", workspace, name, version],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/datasets/{name}/rows", {
          params: { path: { workspace, name }, query: { version: String(version) } },
        }),
      ),
  });
  const search = useMutation({
    mutationFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/automl/runs", {
          params: { path: { workspace } },
          body: { dataset: `${name}:${version}`, label: label ?? "", task, seconds: Number(seconds) },
        }),
      ),
    onSuccess: ({ id }) => void navigate(place.run(workspace, id, "leaderboard")),
  });
  return (
    <Asking title={text("automl.find")} about={text("automl.about")} act={search} close={close}>
      <Select
        label={text("automl.label")} required searchable value={label} onChange={setLabel} data-autofocus
        data={rows.data?.columns.map((column) => column.name) ?? []}
      />
      <Select
        label={text("automl.task")} placeholder={text("automl.found")} clearable value={task} onChange={setTask}
        data={[
          { value: "classification", label: text("automl.classification") },
          { value: "regression", label: text("automl.regression") },
        ]}
      />
      <Select
        label={text("automl.time")} allowDeselect={false} value={seconds} onChange={(value) => value && setSeconds(value)}
        data={SECONDS.map((each) => ({ value: String(each), label: duration(each) }))}
      />
    </Asking>
  );
}
