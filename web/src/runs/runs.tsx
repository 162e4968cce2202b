import { useState } from "react";
import { Button, Group, Switch, Text } from "@mantine/core";
import { Link } from "react-router";
import { useMay, useWorkspace } from "../api/session";
import { FirstRun } from "../experiments/experiments";
import { useHidden, useRunActions } from "../run/actions";
import { place } from "../parts/links";
import { Page } from "../parts/page";
import { Empty, ErrorBox, Loaded } from "../parts/states";
import { hasEnded } from "../parts/status";
import { useText } from "../text/text";
import { Columns } from "./columns";
import { FilterField, ExperimentField, MetricField } from "./fields";
import { idOf, MOST, statusOf, usualColumns, useRunTable, type RunTable } from "./queries";
import { useChoices } from "./choices";
import { Grid } from "./grid";
import { Views } from "./views";

export default function Runs() {
  const text = useText();
  const workspace = useWorkspace();
  const choices = useChoices();
  const runs = useRunTable(workspace, choices.query);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const hidden = useHidden();
  return (
    <Page title={text("runs.title")} actions={<Views />}>
      <Group gap="xs" align="flex-start">
        <ExperimentField />
        <FilterField error={runs.error} />
        {runs.data && <MetricField table={runs.data} />}
        {runs.data && <Columns table={runs.data} />}
        <Switch
          mt={7}
          label={text("runs.children")}
          checked={choices.query.children ?? false}
          onChange={(event) => choices.set({ children: event.currentTarget.checked ? "" : null })}
        />
      </Group>
      {runs.error && runs.data === undefined && !choices.query.filter && <ErrorBox error={runs.error} />}
      {(runs.data !== undefined || !choices.query.filter) && (
        <Loaded from={runs}>
          {(table) => {
            const rows = Array.from(table.fields.run_id ?? [], (_, row) => row)
              .filter((row) => !hidden.has(idOf(table, row)));
            if (rows.length === 0) return <None />;
            const columns = choices.columns ?? usualColumns(table);
            return (
              <>
                <Selection table={table} rows={rows} selected={selected} clear={() => setSelected(new Set())} />
                <Grid {...{ table, rows, columns, selected, setSelected }} />
              </>
            );
          }}
        </Loaded>
      )}
    </Page>
  );
}

function None() {
  const text = useText();
  const { query } = useChoices();
  if (query.filter || query.experiment) return <Empty title={text("runs.noneMatch")} />;
  return (
    <Empty title={text("home.empty")}>
      <Text size="sm">{text("home.first")}</Text>
      <FirstRun />
    </Empty>
  );
}

/** How many there are, and what can be done with those that are selected. */
function Selection(props: {
  table: RunTable;
  rows: number[];
  selected: ReadonlySet<string>;
  clear: () => void;
}) {
  const { table, rows, selected, clear } = props;
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  const { remove, cancel } = useRunActions(workspace);
  const chosen = rows.filter((row) => selected.has(idOf(table, row)));
  const ids = chosen.map((row) => idOf(table, row));
  const ended = chosen.filter((row) => hasEnded(statusOf(table, row))).map((row) => idOf(table, row));
  const active = ids.filter((id) => !ended.includes(id));
  const total = rows.length >= MOST ? "runs.most" : "runs.count";
  return (
    <Group gap="xs" mih={30}>
      <Text size="sm" c="dimmed" role="status">
        {ids.length > 0 ? text("runs.selected", { n: ids.length }) : text(total, { n: rows.length })}
      </Text>
      {ids.length > 1 && (
        <Button component={Link} to={place.compare(workspace, ids)} size="compact-sm" variant="default">
          {text("runs.compare")}
        </Button>
      )}
      {may && active.length > 0 && (
        <Button size="compact-sm" variant="default" onClick={() => cancel(active)}>{text("run.cancel")}</Button>
      )}
      {may && ended.length > 0 && (
        <Button
          size="compact-sm"
          variant="default"
          onClick={() => {
            clear();
            remove(ended);
          }}
        >
          {text("run.delete")}
        </Button>
      )}
    </Group>
  );
}
