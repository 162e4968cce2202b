import { useState } from "react";
import { MultiSelect, Stack, Text } from "@mantine/core";
import type { RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { ParallelChart } from "../charts/parallel";
import { asNumber, number, shown } from "../parts/forms";
import { Loaded } from "../parts/states";
import { useText } from "../text/text";
import { useLatest } from "./compare";

type Axis = { name: string; values: unknown[]; place: (value: unknown) => number | null; ends: [string, string] };

/** One axis for each parameter and metric, and a line through them for each run. */
export function Parallel({ runs }: { runs: RunRecord[] }) {
  const text = useText();
  const latest = useLatest(useWorkspace(), runs.map(({ id }) => id));
  const [chosen, setChosen] = useState<string[] | null>(null);
  return (
    <Loaded from={latest}>
      {(values) => {
        const all = axesOf(runs, values);
        const names = chosen ?? all.slice(0, 7).map(({ name }) => name);
        const axes = all.filter(({ name }) => names.includes(name));
        return (
          <Stack>
            <MultiSelect label={text("compare.axes")} data={all.map(({ name }) => name)} value={names} onChange={setChosen} searchable />
            {axes.length < 2
              ? <Text size="sm" c="dimmed">{text("compare.fewAxes")}</Text>
              : (
                <ParallelChart
                  label={text("compare.parallel")} axes={axes}
                  lines={runs.map((run, row) => ({
                    id: run.id, name: run.display_name, shares: axes.map(({ values, place }) => place(values[row])),
                  }))}
                />
              )}
          </Stack>
        );
      }}
    </Loaded>
  );
}

function axesOf(runs: RunRecord[], latest: Record<string, Record<string, unknown>>): Axis[] {
  const given = (of: (run: RunRecord) => Record<string, unknown>) => {
    const names = [...new Set(runs.flatMap((run) => Object.keys(of(run))))];
    return names.map((name) => axis(name, runs.map((run) => of(run)[name])));
  };
  return [...given((run) => run.params ?? {}), ...given((run) => latest[run.id] ?? {})].filter((each) => each !== null);
}

/** Numbers stand at their place, words beside each other; what never differs says nothing. */
function axis(name: string, values: unknown[]): Axis | null {
  const known = values.filter((value) => value !== undefined && value !== null);
  const numbers = known.map(asNumber);
  if (numbers.every(Number.isFinite)) {
    const [least, greatest] = [Math.min(...numbers), Math.max(...numbers)];
    if (known.length === 0 || least === greatest) return null;
    const place = (value: unknown) => {
      const share = (asNumber(value) - least) / (greatest - least);
      return Number.isFinite(share) ? share : null;
    };
    return { name, values, place, ends: [number(least), number(greatest)] };
  }
  const words = [...new Set(known.map(shown))].sort();
  if (words.length < 2) return null;
  const place = (value: unknown) => {
    const index = value === undefined || value === null ? -1 : words.indexOf(shown(value));
    return index < 0 ? null : index / (words.length - 1);
  };
  return { name, values, place, ends: [words[0] ?? "", words.at(-1) ?? ""] };
}
