import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, StudioError, type Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { useTell } from "../parts/tell";
import { useText } from "../text/text";

export type Notification = Schemas["NotificationContent"];

export function useNotifications() {
  const workspace = useWorkspace();
  return useQuery({
    queryKey: ["notifications", workspace],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/notifications", { params: { path: { workspace } } })),
  });
}

/** What a notification had to tell, the last first. */
export function useDeliveries(name: string) {
  const workspace = useWorkspace();
  return useQuery({
    queryKey: ["deliveries", workspace, name],
    queryFn: () =>
      got(api.GET("/api/v1/workspaces/{workspace}/notifications/{name}/deliveries", { params: { path: { workspace, name }, query: { limit: 25 } } })),
    refetchInterval: 5_000,
  });
}

/** Pauses, resumes, deletes and tries a notification. */
export function useNotificationActs({ name, status }: Notification) {
  const text = useText();
  const tell = useTell();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const asked = { params: { path: { workspace, name } } };
  const isPaused = status === "Paused";
  const changing = {
    onSuccess: () => void client.invalidateQueries({ queryKey: ["notifications", workspace] }),
    onError: tell.error,
  };
  const toggle = useMutation({
    mutationFn: () => isPaused
      ? api.POST("/api/v1/workspaces/{workspace}/notifications/{name}/resume", asked)
      : api.POST("/api/v1/workspaces/{workspace}/notifications/{name}/pause", asked),
    ...changing,
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE("/api/v1/workspaces/{workspace}/notifications/{name}", asked),
    ...changing,
  });
  const test = useMutation({
    mutationFn: () => got(api.POST("/api/v1/workspaces/{workspace}/notifications/{name}/test", asked)),
    onSuccess: ({ problem }) => {
      if (problem === null) return tell.done(text("notifications.arrived", { name }));
      tell.error(new StudioError(text("notifications.notArrived", { name }), "unavailable", problem, 200));
    },
    onError: tell.error,
  });
  return { isPaused, toggle, remove, test };
}
