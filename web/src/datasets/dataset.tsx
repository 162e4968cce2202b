import { SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { api, got, type Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { Bars } from "../charts/panel";
import { AssetPage } from "../parts/asset-pages";
import type { Asset } from "../parts/assets";
import { Code } from "../parts/code";
import { shown } from "../parts/forms";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { Pairs } from "../run/overview";
import { useText } from "../text/text";
import { FindModel } from "./find-model";

export default function DatasetPage() {
  const { name = "" } = useParams();
  return (
    <AssetPage kind="dataset" name={name}>
      {(asset) => <Content asset={asset} />}
    </AssetPage>
  );
}

function Content({ asset }: { asset: Asset }) {
  const text = useText();
  const definition = asset.definition?.dataset as { kind?: string } | undefined;
  const isTable = definition?.kind !== "file";
  return (
    <>
      {isTable && <FindModel asset={asset} />}
      {isTable && <Table asset={asset} />}
      {isTable && <Profile asset={asset} />}
      <Stack gap="xs" component="section">
        <Title order={2}>{text("datasets.definition")}</Title>
        <Code code={JSON.stringify(definition ?? {}, null, 2)} label={text("datasets.definition")} maxHeight={320} />
      </Stack>
    </>
  );
}

function asked(workspace: string, { name, version }: Asset) {
  return { params: { path: { workspace, name }, query: { version: String(version) } } };
}

function Table({ asset }: { asset: Asset }) {
  const text = useText();
  const workspace = useWorkspace();
  const rows = useQuery({
    queryKey: ["rows", workspace, asset.name, asset.version],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/datasets/{name}/rows", asked(workspace, asset))),
  });
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{text("datasets.rows")}</Title>
      <Loaded from={rows}>
        {({ columns, rows: cells }) => <FirstRows columns={columns} rows={cells} />}
      </Loaded>
    </Stack>
  );
}

export function FirstRows({ columns, rows }: { columns: { name: string; type: string }[]; rows: unknown[][] }) {
  const text = useText();
  return (
    <div style={{ maxHeight: 360, overflow: "auto" }}>
      <Rows
        label={text("datasets.rows")} rows={rows.map((row, index) => ({ row, index }))} id={({ index }) => String(index)}
        columns={columns.map(({ name, type }, place) => ({
          key: name,
          title: <>{name} <Text span size="xs" c="dimmed">{type}</Text></>,
          right: /INT|DOUBLE|FLOAT|DECIMAL/.test(type),
          cell: ({ row }: { row: unknown[] }) => shown(row[place]),
        }))}
      />
    </div>
  );
}

type Column = Schemas["ColumnProfileContent"];

function Profile({ asset }: { asset: Asset }) {
  const text = useText();
  const workspace = useWorkspace();
  const profile = useQuery({
    queryKey: ["profile", workspace, asset.name, asset.version],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/datasets/{name}/profile", asked(workspace, asset))),
    staleTime: 60_000,
  });
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{text("datasets.columns")}</Title>
      <Loaded from={profile}>
        {(columns) => (
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
            {columns.map((column) => <ColumnCard key={column.name} column={column} />)}
          </SimpleGrid>
        )}
      </Loaded>
    </Stack>
  );
}

/** A column with what is known of its values. */
export function ColumnCard({ column }: { column: Column }) {
  const text = useText();
  const { name, type, count, missing, distinct, least, greatest, mean, histogram, most_frequent } = column;
  const pairs: [string, string][] = [
    [text("datasets.missing"), count ? `${missing} (${Math.round((100 * missing) / count)} %)` : "–"],
    [text("datasets.distinct"), String(distinct)],
    ...(least === null ? [] : [[text("datasets.range"), `${shown(least)} – ${shown(greatest)}`] satisfies [string, string]]),
    ...(mean === null ? [] : [[text("datasets.mean"), shown(mean)] satisfies [string, string]]),
  ];
  return (
    <Stack className="panel" p="md" gap="xs" component="section" aria-label={name} style={{ minWidth: 0 }}>
      <Title order={3} size="sm">{name} <Text span size="xs" c="dimmed">{type}</Text></Title>
      <Pairs pairs={pairs} />
      {histogram.length > 0 && (
        <Bars
          label={name} height={120} heights={histogram.map((bin) => bin.count)}
          edges={[typeof least === "number" ? least : 0, ...histogram.map(({ upper }) => upper)]}
        />
      )}
      {histogram.length === 0 && most_frequent.length > 0 && (
        <Pairs pairs={most_frequent.slice(0, 6).map(({ value, count: times }) => [shown(value), String(times)])} />
      )}
    </Stack>
  );
}
