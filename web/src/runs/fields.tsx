import { useState } from "react";
import { Select, TextInput } from "@mantine/core";
import { StudioError } from "../api/client";
import { useWorkspace } from "../api/session";
import { useExperiments } from "../experiments/queries";
import { useText } from "../text/text";
import { useChoices } from "./choices";
import type { RunTable } from "./queries";

export function ExperimentField() {
  const text = useText();
  const { query, set } = useChoices();
  const experiments = useExperiments(useWorkspace());
  return (
    <Select
      aria-label={text("runs.experiment")}
      placeholder={text("runs.allExperiments")}
      data={(experiments.data ?? []).map(({ name }) => name)}
      value={query.experiment ?? null}
      onChange={(experiment) => set({ experiment })}
      clearable
      searchable
      w={{ base: "100%", xs: 190 }}
    />
  );
}

/** A filter in the language that runs are searched by everywhere; mistakes are told in its place. */
export function FilterField({ error }: { error: Error | null }) {
  const { query } = useChoices();
  return <Typed key={query.filter ?? ""} filter={query.filter ?? ""} error={error} />;
}

function Typed({ filter, error }: { filter: string; error: Error | null }) {
  const text = useText();
  const { set } = useChoices();
  const [typed, setTyped] = useState(filter);
  const apply = () => typed !== filter && set({ filter: typed.trim() || null });
  const problem = filter && error instanceof StudioError ? error.message : null;
  return (
    <form
      role="search"
      style={{ flex: "1 1 18rem" }}
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <TextInput
        aria-label={text("runs.filter")}
        placeholder={text("runs.filterExample")}
        value={typed}
        error={problem}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={apply}
        spellCheck={false}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
      />
    </form>
  );
}

/** Which metric is drawn beside each run. */
export function MetricField({ table }: { table: RunTable }) {
  const text = useText();
  const { metric, set } = useChoices();
  return (
    <Select
      aria-label={text("runs.curve")}
      placeholder={text("runs.noCurve")}
      data={Object.keys(table.metrics)}
      value={metric}
      onChange={(value) => set({ metric: value })}
      clearable
      searchable
      w={{ base: "100%", xs: 160 }}
    />
  );
}
