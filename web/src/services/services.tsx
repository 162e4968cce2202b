import { Badge } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, type Schemas } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { place, To } from "../parts/links";
import { Listed } from "../parts/listed";
import { Page } from "../parts/page";
import { RowAct, Rows } from "../parts/table";
import { useTell } from "../parts/tell";
import { useText, type Key } from "../text/text";

export type Service = Schemas["ServiceContent"];

const COLOURS: Record<string, string> = { running: "green", deploying: "lab", unhealthy: "orange", failed: "red" };

export default function Services() {
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  const services = useQuery({
    queryKey: ["services", workspace],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/services", { params: { path: { workspace } } })),
    refetchInterval: 3_000,
  });
  return (
    <Page title={text("services.title")}>
      <Listed from={services} section="services" code="tandemlab model serve NAME:VERSION">
        {(all) => (
          <Rows
            label={text("services.title")} rows={all} id={({ name }) => name}
            columns={[
              { key: "name", title: text("name"), cell: ({ name }) => <To to={place.section(workspace, "services", name)}>{name}</To> },
              { key: "state", title: text("status"), cell: ({ state }) => <State state={state} /> },
              { key: "models", title: text("models.title"), isMore: true, cell: ({ models }) => models.join(", ") || "–" },
              { key: "replicas", title: text("services.replicas"), right: true, cell: ({ ready, replicas }) => `${ready}/${replicas}` },
              ...(may ? [{ key: "actions", title: "", right: true, cell: (service: Service) => <StartStop service={service} /> }] : []),
            ]}
          />
        )}
      </Listed>
    </Page>
  );
}

export function State({ state }: { state: string }) {
  const text = useText();
  return (
    <Badge className={`badge badge-${COLOURS[state] ?? "gray"}`} variant="default" radius="sm" tt="none">
      {text(`services.${state}` as Key)}
    </Badge>
  );
}

export function StartStop({ service: { name, state } }: { service: Service }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const tell = useTell();
  const isUp = state !== "stopped" && state !== "failed";
  const change = useMutation({
    mutationFn: () => {
      const asked = { params: { path: { workspace, name } } };
      return isUp
        ? api.POST("/api/v1/workspaces/{workspace}/services/{name}/stop", asked)
        : api.POST("/api/v1/workspaces/{workspace}/services/{name}/start", asked);
    },
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["services", workspace] });
      void client.invalidateQueries({ queryKey: ["service", workspace, name] });
    },
    onError: tell.error,
  });
  const said = text(isUp ? "services.stop" : "services.start");
  return <RowAct said={said} about={name} isBusy={change.isPending} act={() => change.mutate()} />;
}
