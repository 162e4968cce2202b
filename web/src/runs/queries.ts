import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, got, type RunStatus, type Schemas } from "../api/client";

export type RunQuery = { experiment?: string; filter?: string; order?: string; children?: boolean };

export type Group = "fields" | "metrics" | "params" | "tags";

/** A column of the table: a field of runs, or something that they logged under a name. */
export type ColumnId = `${Group}.${string}`;

/** Runs as the server sends them: columns of one length. */
export type RunTable = Schemas["RunTableContent"];

export const MOST = 10_000;

export function useRunTable(workspace: string, query: RunQuery) {
  return useQuery({
    queryKey: ["run-table", workspace, query],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/runs/table", {
          params: {
            path: { workspace },
            query: {
              ...(query.experiment ? { experiment: query.experiment } : {}),
              ...(query.filter ? { filter: query.filter } : {}),
              ...(query.order ? { order_by: query.order } : {}),
              include_children: query.children ?? false,
              limit: MOST,
            },
          },
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: 10_000,
  });
}

export function useSeries(workspace: string, ids: string[], name: string | null, maxPoints: number) {
  return useQuery({
    queryKey: ["series", workspace, name, maxPoints, ids],
    queryFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/runs/series", {
          params: { path: { workspace } },
          body: { ids, name: name ?? "", max_points: maxPoints },
        }),
      ),
    enabled: name !== null && ids.length > 0,
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  });
}

export function columnOf(table: RunTable, id: ColumnId): unknown[] | undefined {
  const dot = id.indexOf(".");
  return table[id.slice(0, dot) as Group][id.slice(dot + 1)];
}

export const idOf = (table: RunTable, row: number): string => table.fields.run_id?.[row] as string;
export const statusOf = (table: RunTable, row: number): RunStatus => table.fields.status?.[row] as RunStatus;

const FIELDS = ["experiment", "status", "created", "duration", "type", "target", "ended"] as const;
export type Field = (typeof FIELDS)[number];

/** All columns that these runs could be shown with. */
export function columnsOf(table: RunTable): ColumnId[] {
  const named = (["metrics", "params", "tags"] as const).flatMap((group) =>
    Object.keys(table[group]).map((name): ColumnId => `${group}.${name}`),
  );
  return [...FIELDS.map((field): ColumnId => `fields.${field}`), ...named];
}

/** What is shown unless the user chose: the state, and the first of what was logged. */
export function usualColumns(table: RunTable): ColumnId[] {
  const first = (group: "metrics" | "params", count: number) =>
    Object.keys(table[group]).slice(0, count).map((name): ColumnId => `${group}.${name}`);
  return [
    "fields.experiment", "fields.status", "fields.created", "fields.duration",
    ...first("metrics", 3), ...first("params", 3),
  ];
}

const PLAIN = /^[A-Za-z_][\w.\-/:]*$/;

/** A column in the language of filters and orders; null for what cannot be sorted by. */
export function fieldOf(id: ColumnId): string {
  const dot = id.indexOf(".");
  const [group, name] = [id.slice(0, dot), id.slice(dot + 1)];
  if (group === "fields") return name;
  return `${group}.${PLAIN.test(name) ? name : `\`${name}\``}`;
}
