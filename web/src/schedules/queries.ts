import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, got, type Schemas } from "../api/client";

export type Schedule = Schemas["ScheduleContent"];

export function useSchedules(workspace: string) {
  return useQuery({
    queryKey: ["schedules", workspace],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/schedules", { params: { path: { workspace } } })),
    refetchInterval: 10_000,
  });
}

/** When a schedule of that recurrence would fire next; an error says why it cannot be one. */
export function useNextTimes(recurrence: Record<string, unknown> | null) {
  return useQuery({
    queryKey: ["next-times", recurrence],
    queryFn: () => got(api.POST("/api/v1/recurrences/next-times", { body: recurrence ?? {} })),
    enabled: recurrence !== null,
    placeholderData: keepPreviousData,
  });
}
