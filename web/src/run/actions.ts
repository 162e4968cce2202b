import { useCallback, useMemo, useSyncExternalStore } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { api, sendLast } from "../api/client";
import { UNDO_MILLISECONDS, useTell } from "../parts/tell";
import { useText } from "../text/text";

/** Runs that are about to be deleted: hidden, and gone once nobody has taken it back for a while. */
class Going {
  private paths = new Map<string, string>();
  private listeners = new Set<() => void>();
  private snapshot: ReadonlySet<string> = new Set();

  constructor() {
    addEventListener("pagehide", () => {
      for (const path of this.paths.values()) sendLast(path, "DELETE");
    });
  }

  subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  ids = () => this.snapshot;

  add(ids: string[], path: (id: string) => string) {
    for (const id of ids) this.paths.set(id, path(id));
    this.changed();
  }

  drop(ids: string[]) {
    for (const id of ids) this.paths.delete(id);
    this.changed();
  }

  has = (id: string) => this.paths.has(id);

  private changed() {
    this.snapshot = new Set(this.paths.keys());
    for (const listener of this.listeners) listener();
  }
}

const going = new Going();

export function useHidden(): ReadonlySet<string> {
  return useSyncExternalStore(going.subscribe, going.ids);
}

/** What is done with runs, from the table as from a run's page. */
export function useRunActions(workspace: string) {
  const text = useText();
  const tell = useTell();
  const client = useQueryClient();
  const renew = useCallback(() => {
    for (const key of ["run-table", "live-runs", "run"]) {
      void client.invalidateQueries({ queryKey: [key, workspace] });
    }
  }, [client, workspace]);

  return useMemo(() => {
    const remove = (ids: string[]) => {
      going.add(ids, (id) => `/api/v1/workspaces/${encodeURIComponent(workspace)}/runs/${encodeURIComponent(id)}`);
      tell.undoable(text("run.deleted", { n: ids.length }), () => going.drop(ids));
      setTimeout(() => {
        const still = ids.filter(going.has);
        const asked = still.map((run) =>
          api.DELETE("/api/v1/workspaces/{workspace}/runs/{run}", { params: { path: { workspace, run } } }),
        );
        void Promise.allSettled(asked).then((answers) => {
          for (const answer of answers) {
            if (answer.status === "rejected") tell.error(answer.reason as Error);
          }
          client.removeQueries({ queryKey: ["live-runs", workspace] });
          void client.refetchQueries({ queryKey: ["run-table", workspace] }).then(() => going.drop(still));
        });
      }, UNDO_MILLISECONDS);
    };
    const cancel = (ids: string[]) => {
      const asked = ids.map((run) =>
        api.POST("/api/v1/workspaces/{workspace}/runs/{run}/cancel", { params: { path: { workspace, run } } }),
      );
      void Promise.all(asked).then(() => tell.done(text("run.canceling", { n: ids.length })), tell.error).then(renew);
    };
    return { remove, cancel };
  }, [workspace, text, tell, client, renew]);
}
