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

/** When a schedule would fire next that goes by time; an error says why it cannot. */
export function useNextTimes(timing: Schemas["Timing"] | null) {
  return useQuery({
    queryKey: ["next-times", timing],
    queryFn: () => got(api.POST("/api/v1/recurrences/next-times", { body: timing ?? { recurrence: {} } })),
    enabled: timing !== null,
    placeholderData: keepPreviousData,
  });
}
