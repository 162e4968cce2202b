import { useSearchParams } from "react-router";
import type { ColumnId, RunQuery } from "./queries";

/** What the user chose of the table; all of it is in the address. */
export function useChoices() {
  const [search, setSearch] = useSearchParams();
  const set = (changes: Record<string, string | null>) =>
    setSearch(
      (old) => {
        const next = new URLSearchParams(old);
        for (const [name, value] of Object.entries(changes)) {
          if (value === null) next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  const query: RunQuery = {
    ...(search.get("experiment") ? { experiment: search.get("experiment") ?? "" } : {}),
    ...(search.get("filter") ? { filter: search.get("filter") ?? "" } : {}),
    ...(search.get("order") ? { order: search.get("order") ?? "" } : {}),
    ...(search.has("children") ? { children: true } : {}),
  };
  const columns = search.get("columns")?.split(",").filter(Boolean) as ColumnId[] | undefined;
  return { query, columns, metric: search.get("metric"), set, search };
}
