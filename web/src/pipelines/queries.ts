import { useQuery } from "@tanstack/react-query";
import { api, got, type Schemas } from "../api/client";

export type Published = Schemas["PublishedContent"];

/** All versions of published pipelines by name, the newest first; disabled ones when asked for. */
export function usePublished(workspace: string, withDisabled = false) {
  return useQuery({
    queryKey: ["pipelines", workspace, withDisabled],
    queryFn: () =>
      got(api.GET("/api/v1/workspaces/{workspace}/pipelines", { params: { path: { workspace }, query: { active_only: !withDisabled } } })),
  });
}
