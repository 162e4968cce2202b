import { useQuery } from "@tanstack/react-query";
import { api, got } from "../api/client";

export function useExperiments(workspace: string) {
  return useQuery({
    queryKey: ["experiments", workspace],
    queryFn: () =>
      got(api.GET("/api/v1/workspaces/{workspace}/experiments", { params: { path: { workspace } } })),
  });
}
