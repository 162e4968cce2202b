import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, got, type RunRecord, type Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { useTell } from "../parts/tell";
import { useText } from "../text/text";

export type Change = Partial<Schemas["RunChange"]>;

/** Changes a run's name, description or tags, and offers to take that back. */
export function useChange(run: RunRecord) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const tell = useTell();
  return useMutation({
    mutationFn: (change: Change) => changed(workspace, run.id, change),
    onSuccess: (record, change) => {
      client.setQueryData(["run", workspace, run.id], record);
      tell.undoable(text("run.changed"), () => {
        changed(workspace, run.id, reverse(run, change)).then(
          (before) => client.setQueryData(["run", workspace, run.id], before),
          tell.error,
        );
      });
    },
    onError: tell.error,
  });
}

function changed(workspace: string, run: string, change: Change): Promise<RunRecord> {
  return got(
    api.PATCH("/api/v1/workspaces/{workspace}/runs/{run}", {
      params: { path: { workspace, run } },
      body: { tags: {}, removed_tags: [], ...change },
    }),
  );
}

/** What makes the run what it was. */
export function reverse(run: RunRecord, change: Change): Change {
  const before = run.tags ?? {};
  const touched = [...Object.keys(change.tags ?? {}), ...(change.removed_tags ?? [])];
  return {
    ...(change.display_name ? { display_name: run.display_name } : {}),
    ...(change.description !== undefined ? { description: run.description ?? "" } : {}),
    tags: Object.fromEntries(touched.filter((name) => name in before).map((name) => [name, before[name] ?? null])),
    removed_tags: touched.filter((name) => !(name in before)),
  };
}
