import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { useWorkspace } from "../api/session";
import { RowAct } from "../parts/table";
import { useTell } from "../parts/tell";
import { useText } from "../text/text";
import type { Published } from "./queries";

/** What may be changed of a version: whether it can be run, and whether it runs where none is named. */
export function VersionActs({ pipeline }: { pipeline: Published }) {
  const text = useText();
  const tell = useTell();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const { id, name, version, is_default: isDefault } = pipeline;
  const isDisabled = pipeline.status === "Disabled";
  const asked = { params: { path: { workspace, name, version } } };
  const renew = () => void client.invalidateQueries({ queryKey: ["pipelines", workspace] });
  const enable = useMutation({
    mutationFn: () => api.POST("/api/v1/workspaces/{workspace}/pipelines/{name}/{version}/enable", asked),
    onSuccess: renew,
    onError: tell.error,
  });
  const disable = useMutation({
    mutationFn: () => api.POST("/api/v1/workspaces/{workspace}/pipelines/{name}/{version}/disable", asked),
    onSuccess: () => {
      renew();
      tell.undoable(text("pipelines.wasDisabled", { name: id }), () => enable.mutate());
    },
    onError: tell.error,
  });
  const setDefault = useMutation({
    mutationFn: () => api.POST("/api/v1/workspaces/{workspace}/pipelines/{name}/{version}/set-default", asked),
    onSuccess: () => {
      renew();
      tell.done(text("pipelines.wasMadeDefault", { name: id }));
    },
    onError: tell.error,
  });
  const toggle = isDisabled ? enable : disable;
  const about = `${name} ${version}`;
  return (
    <>
      {!isDefault && !isDisabled && (
        <RowAct said={text("pipelines.setDefault")} about={about} isBusy={setDefault.isPending} act={() => setDefault.mutate()} />
      )}
      <RowAct said={text(isDisabled ? "pipelines.enable" : "pipelines.disable")} about={about} isBusy={toggle.isPending} act={() => toggle.mutate()} />
    </>
  );
}
