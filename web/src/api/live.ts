import { useEffect, useState } from "react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, type RunRecord, type Schemas } from "./client";

/** The newest runs of a workspace, children among them, as they change. */
export function useLiveRuns(workspace: string) {
  const client = useQueryClient();
  const key = ["live-runs", workspace];
  useEffect(() => {
    const stream = new EventSource(`/api/v1/workspaces/${encodeURIComponent(workspace)}/stream`);
    stream.addEventListener("runs", (event: MessageEvent<string>) => {
      client.setQueryData(["live-runs", workspace], JSON.parse(event.data) as RunRecord[]);
    });
    return () => stream.close();
  }, [client, workspace]);
  return useQuery({
    queryKey: key,
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/runs", {
          params: { path: { workspace }, query: { limit: 200, include_children: true } },
        }),
      ),
    staleTime: Infinity,
  });
}

export type Latest = Record<string, unknown>;

export type LiveRun = {
  log: string;
  latest: Latest;
  /** Counts up whenever there are new points. */
  news: number;
  ended: boolean;
  connected: boolean;
};

const START: LiveRun = { log: "", latest: {}, news: 0, ended: false, connected: false };
const MOST_LOG = 2_000_000;

/** What a run logs and prints while the page is open. */
export function useLiveRun(workspace: string, run: string): LiveRun {
  const client = useQueryClient();
  const [live, setLive] = useState(START);
  useEffect(() => {
    const base = `/api/v1/workspaces/${encodeURIComponent(workspace)}/runs/${encodeURIComponent(run)}`;
    const stream = new EventSource(`${base}/stream`);
    const on = (kind: string, take: (data: string) => void) =>
      stream.addEventListener(kind, (event: MessageEvent<string>) => take(event.data));
    stream.addEventListener("open", () => setLive((old) => ({ ...old, connected: true })));
    stream.addEventListener("error", () => setLive((old) => ({ ...old, connected: false })));
    on("run", (data) => {
      client.setQueryData(["run", workspace, run], JSON.parse(data) as RunRecord);
      void client.invalidateQueries({ queryKey: ["run-parts", workspace, run] });
    });
    on("metrics", (data) =>
      setLive((old) => ({
        ...old,
        latest: (JSON.parse(data) as Record<string, Latest>)[run] ?? {},
        news: old.news + 1,
      })),
    );
    on("log", (data) => {
      const { text } = JSON.parse(data) as Schemas["LogText"];
      setLive((old) => ({ ...old, log: (old.log + text).slice(-MOST_LOG) }));
    });
    on("end", () => {
      stream.close();
      setLive((old) => ({ ...old, ended: true, connected: false }));
      void client.invalidateQueries({ queryKey: ["run-parts", workspace, run] });
    });
    return () => {
      stream.close();
      setLive(START);
    };
  }, [client, workspace, run]);
  return live;
}
