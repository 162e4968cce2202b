import { useState } from "react";
import { Stack, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, got } from "../api/client";
import { useWorkspace } from "../api/session";
import { size } from "../parts/forms";
import { Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { RowAct, Rows } from "../parts/table";
import { useText } from "../text/text";

/** Where runs run, and how full it is there. */
export default function Compute() {
  const text = useText();
  const workspace = useWorkspace();
  const [asked, setAsked] = useState<string | null>(null);
  const targets = useQuery({
    queryKey: ["computes", workspace],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/computes", { params: { path: { workspace } } })),
    refetchInterval: 3_000,
  });
  return (
    <Page title={text("compute.title")}>
      <Loaded from={targets}>
        {(all) => (
          <Rows
            label={text("compute.title")} rows={all} id={({ name }) => name}
            columns={[
              { key: "name", title: text("name"), cell: ({ name }) => name },
              { key: "kind", title: text("compute.kind"), cell: ({ kind }) => kind },
              { key: "location", title: text("compute.location"), isMore: true, cell: ({ kind, location: place }) => kind === "local" ? text("compute.here") : place },
              { key: "slots", title: text("compute.slots"), right: true, cell: ({ slots }) => slots ?? text("compute.queue") },
              { key: "active", title: text("compute.active"), right: true, cell: ({ active_runs }) => active_runs },
              {
                key: "nodes", title: "", right: true,
                cell: ({ name }) => (
                  <RowAct said={text("compute.nodes")} about={name} act={() => setAsked(name)} />
                ),
              },
            ]}
          />
        )}
      </Loaded>
      {asked && <Nodes target={asked} />}
    </Page>
  );
}

function Nodes({ target }: { target: string }) {
  const text = useText();
  const workspace = useWorkspace();
  const nodes = useQuery({
    queryKey: ["nodes", workspace, target],
    queryFn: () =>
      got(api.GET("/api/v1/workspaces/{workspace}/computes/{name}/nodes", { params: { path: { workspace, name: target } } })),
  });
  const title = `${text("compute.nodes")}: ${target}`;
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{title}</Title>
      <Loaded from={nodes}>
        {(all) => (
          <Rows
            label={title} rows={all} id={({ name }) => name}
            columns={[
              { key: "name", title: text("name"), cell: ({ name }) => name },
              { key: "state", title: text("status"), cell: ({ state }) => state },
              { key: "cpus", title: text("compute.cpus"), right: true, cell: ({ cpus }) => cpus ?? "–" },
              { key: "memory", title: text("compute.memory"), right: true, cell: ({ memory }) => memory === null ? "–" : size(memory) },
              { key: "gpus", title: text("compute.gpus"), right: true, cell: ({ gpus }) => gpus ?? "–" },
            ]}
          />
        )}
      </Loaded>
    </Stack>
  );
}
