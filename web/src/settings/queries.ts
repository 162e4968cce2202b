import { useQuery } from "@tanstack/react-query";
import { api, got } from "../api/client";

/** The names of secrets; their values are never read. */
export function useSecrets(workspace: string) {
  return useQuery({
    queryKey: ["secrets", workspace],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/secrets", { params: { path: { workspace } } })),
  });
}
