import { useQuery } from "@tanstack/react-query";
import { api, errorOf, got, contentUrl } from "../api/client";

const at = (workspace: string, run: string) => ({ params: { path: { workspace, run } } });

/** A run; null for none. */
export function useRun(workspace: string, run: string | null) {
  return useQuery({
    queryKey: ["run", workspace, run],
    enabled: run !== null,
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}", at(workspace, run ?? ""))),
  });
}

export function usePanels(workspace: string, run: string, over: string, news: number) {
  return useQuery({
    queryKey: ["panels", workspace, run, over, news],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/runs/{run}/panels", {
          params: { path: { workspace, run }, query: { over } },
        }),
      ),
    placeholderData: (before) => before,
  });
}

export function useMetrics(workspace: string, run: string, news: number) {
  return useQuery({
    queryKey: ["metrics", workspace, run, news],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/runs/{run}/metrics", {
          params: { path: { workspace, run }, query: { max_points: 4 } },
        }),
      ),
    placeholderData: (before) => before,
  });
}

export function useFiles(workspace: string, run: string) {
  return useQuery({
    queryKey: ["run-parts", workspace, run, "files"],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}/files", at(workspace, run))),
  });
}

export function useLineage(workspace: string, run: string) {
  return useQuery({
    queryKey: ["run-parts", workspace, run, "lineage"],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}/lineage", at(workspace, run))),
  });
}

export function useSnapshot(workspace: string, run: string) {
  return useQuery({
    queryKey: ["snapshot", workspace, run],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}/snapshot", at(workspace, run))),
    staleTime: Infinity,
  });
}

/** The steps of a pipeline's run; null for none. */
export function useSteps(workspace: string, run: string | null, isActive: boolean) {
  return useQuery({
    queryKey: ["run-parts", workspace, run, "steps"],
    enabled: run !== null,
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}/steps", at(workspace, run ?? ""))),
    refetchInterval: isActive ? 1_500 : false,
  });
}

export function useTrials(workspace: string, run: string, isActive: boolean) {
  return useQuery({
    queryKey: ["run-parts", workspace, run, "trials"],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}/trials", at(workspace, run))),
    refetchInterval: isActive ? 1_500 : false,
  });
}

export function useLeaderboard(workspace: string, run: string, isActive: boolean) {
  return useQuery({
    queryKey: ["run-parts", workspace, run, "leaderboard"],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}/leaderboard", at(workspace, run))),
    refetchInterval: isActive ? 1_500 : false,
  });
}

/** A picture of a sweep, drawn anew when another trial has ended: importance takes a while. */
export function useTrialPanels(workspace: string, run: string, kind: string, ended: number) {
  return useQuery({
    queryKey: ["trial-panels", workspace, run, kind, ended],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/runs/{run}/trials/panels", {
          params: { path: { workspace, run }, query: { kind } },
        }),
      ),
    placeholderData: (before) => before,
  });
}

export function useChildren(workspace: string, run: string, isActive: boolean) {
  return useQuery({
    queryKey: ["run-parts", workspace, run, "children"],
    queryFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/runs/search", {
          params: { path: { workspace } },
          body: { parent: run, include_children: true, oldest_first: true, offset: 0, order_by: [], limit: 1000 },
        }),
      ),
    refetchInterval: isActive ? 2_000 : false,
  });
}

const MOST_TEXT = 200_000;

/** The beginning of a text. */
export function useText200k(url: string | null) {
  return useQuery({
    queryKey: ["text", url],
    enabled: url !== null,
    staleTime: 60_000,
    queryFn: async () => {
      const answer = await fetch(url ?? "");
      if (!answer.ok) throw await errorOf(answer);
      const text = await answer.text();
      return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}\n…` : text;
    },
  });
}

export const partOf = (workspace: string, run: string, name: string) =>
  `${contentUrl(workspace, run, name)}?limit=${MOST_TEXT}`;

export const pageUrl = (workspace: string, run: string, name: string) =>
  contentUrl(workspace, run, name).replace("/content/", "/page/");

export const blobUrl = (workspace: string, digest: string) =>
  `/api/v1/workspaces/${encodeURIComponent(workspace)}/blobs/${digest}`;
