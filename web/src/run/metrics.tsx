import { Group, Image, Select, SimpleGrid, Stack, Switch, Text, Title } from "@mantine/core";
import { useSearchParams } from "react-router";
import type { LiveRun } from "../api/live";
import { contentUrl, type RunRecord, type Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { PanelChart } from "../charts/panel";
import { shown } from "../parts/forms";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { useText } from "../text/text";
import { Pairs } from "./overview";
import { useMetrics, usePanels } from "./queries";

const OVER = ["auto", "step", "time", "index"] as const;
const MOST_ROWS = 500;

/** Everything that the run has logged: lines, charts, images, tables and single values. */
export default function Metrics({ run, live }: { run: RunRecord; live: LiveRun }) {
  const text = useText();
  const workspace = useWorkspace();
  const [search, setSearch] = useSearchParams();
  const over = search.get("over") ?? "auto";
  const isLog = search.get("scale") === "log";
  const panels = usePanels(workspace, run.id, over, live.news);
  const metrics = useMetrics(workspace, run.id, live.news);
  const set = (name: string, value: string | null) =>
    setSearch((old) => {
      const next = new URLSearchParams(old);
      if (value === null) next.delete(name);
      else next.set(name, value);
      return next;
    }, { replace: true });
  return (
    <Loaded from={panels}>
      {(all) => {
        const drawn = all.filter(({ kind }) => kind !== "facts" && kind !== "image");
        const images = all.filter(({ kind }) => kind === "image");
        if (all.length === 0) return <Text size="sm" c="dimmed">{text("run.noMetrics")}</Text>;
        return (
          <Stack gap="md">
            {drawn.some(({ kind }) => kind === "lines") && (
              <Group gap="sm">
                <Select
                  label={text("metrics.over")} value={over} allowDeselect={false} w={150} size="xs"
                  data={OVER.map((value) => ({ value, label: text(`metrics.${value}`) }))}
                  onChange={(value) => set("over", value === "auto" ? null : value)}
                />
                <Switch
                  mt={22} label={text("metrics.log")} checked={isLog}
                  onChange={(event) => set("scale", event.currentTarget.checked ? "log" : null)}
                />
              </Group>
            )}
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
              {drawn.map((panel) => (
                <Stack key={`${panel.kind} ${panel.title}`} className="panel" p="md" gap="xs" component="section" aria-label={panel.title} style={{ minWidth: 0 }}>
                  <Title order={2}>{panel.title}</Title>
                  <PanelChart panel={panel} isLog={isLog} group={run.id} />
                </Stack>
              ))}
              {images.map(({ title, file }) => (
                <Stack key={`image ${title}`} className="panel" p="md" gap="xs" component="section" aria-label={title}>
                  <Title order={2}>{title}</Title>
                  <Image src={contentUrl(workspace, run.id, file, true)} alt={title} fit="contain" mah={420} />
                </Stack>
              ))}
            </SimpleGrid>
            {metrics.data && <Values metrics={Object.values(metrics.data)} />}
          </Stack>
        );
      }}
    </Loaded>
  );
}

type Metric = Schemas["MetricContent"];

function Values({ metrics }: { metrics: Metric[] }) {
  const text = useText();
  const series = metrics.filter(({ shape }) => shape === "series");
  const tables = metrics.filter(({ shape }) => shape === "table");
  return (
    <>
      {series.length > 0 && (
        <Stack className="panel" p="md" gap="xs" component="section" aria-label={text("run.latest")}>
          <Title order={2}>{text("run.latest")}</Title>
          <Pairs pairs={series.map(({ name, values }) => [name, shown(values.at(-1))])} />
        </Stack>
      )}
      {tables.map((table) => <LoggedTable key={table.name} table={table} />)}
    </>
  );
}

function LoggedTable({ table: { name, columns } }: { table: Metric }) {
  const text = useText();
  const names = Object.keys(columns);
  const count = Math.max(0, ...Object.values(columns).map((column) => column.length));
  const rows = Array.from({ length: Math.min(count, MOST_ROWS) }, (_, row) => row);
  return (
    <Stack gap="xs" component="section" aria-label={name}>
      <Title order={2}>{name}</Title>
      <Rows
        label={name} rows={rows} id={String}
        columns={names.map((key) => ({
          key,
          title: key,
          right: columns[key]?.some((value) => typeof value === "number") ?? false,
          cell: (row: number) => shown(columns[key]?.[row]),
        }))}
      />
      {count > MOST_ROWS && <Text size="sm" c="dimmed">{text("metrics.moreRows", { n: count - MOST_ROWS })}</Text>}
    </Stack>
  );
}
