import { SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Lines } from "../charts/lines";
import { Matrix } from "../charts/panel";
import { Code } from "../parts/code";
import { number, shown } from "../parts/forms";
import { Rows } from "../parts/table";
import { Pairs } from "../run/overview";
import { useText } from "../text/text";

export type Block =
  | { type: "metrics"; title: string; values: Record<string, unknown> }
  | { type: "lines"; title: string; x: string; y: string; series: { name: string; x: number[]; y: (number | null)[] }[] }
  | { type: "bars"; title: string; labels: string[]; values: (number | null)[] }
  | { type: "matrix"; title: string; rows: string[]; columns: string[]; values: number[][] }
  | { type: "table"; title: string; columns: string[]; rows: unknown[][] }
  | { type: "text"; text: string };

export type Report = { blocks: Block[] };

export const isReport = (value: unknown): value is Report =>
  value !== null && typeof value === "object" && "blocks" in value && Array.isArray(value.blocks);

/** What a component reports, drawn. */
export function ReportView({ report }: { report: Report }) {
  return (
    <SimpleGrid cols={{ base: 1, md: report.blocks.length > 1 ? 2 : 1 }}>
      {report.blocks.map((block, index) => <BlockView key={index} block={block} />)}
    </SimpleGrid>
  );
}

function BlockView({ block }: { block: Block }) {
  if (block.type === "text") return <Text size="sm" style={{ whiteSpace: "pre-wrap" }}>{block.text}</Text>;
  return (
    <Stack className="panel" p="md" gap="xs" component="section" aria-label={block.title} style={{ minWidth: 0 }}>
      <Title order={3} size="sm">{block.title}</Title>
      <Drawn block={block} />
    </Stack>
  );
}

function Drawn({ block }: { block: Exclude<Block, { type: "text" }> }) {
  switch (block.type) {
    case "metrics":
      return <Pairs pairs={Object.entries(block.values).map(([name, value]) => [name, shown(value)])} />;
    case "lines":
      return <Lines title={block.title} lines={block.series} xLabel={block.x} yLabel={block.y} />;
    case "bars":
      return <NamedBars label={block.title} names={block.labels} values={block.values} />;
    case "matrix":
      return <Matrix title={block.title} rows={block.rows} columns={block.columns} cells={block.values} />;
    case "table":
      return <Table {...block} />;
    default:
      return <Code code={JSON.stringify(block, null, 2)} label="JSON" maxHeight={240} />;
  }
}

/** A bar for each name, from zero, to the left for less than that. */
function NamedBars({ label, names, values }: { label: string; names: string[]; values: (number | null)[] }) {
  const known = values.map((value) => value ?? 0);
  const most = Math.max(...known.map(Math.abs), 1e-12);
  return (
    <table className="shares" aria-label={label}>
      <tbody>
        {names.map((name, index) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td><span className="share" style={{ inlineSize: `${Math.max((Math.abs(known[index] ?? 0) / most) * 100, 0.5)}%` }} /></td>
            <td className="numbers">{number(known[index] ?? 0)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

const MOST_ROWS = 500;

function Table({ title, columns, rows }: { title: string; columns: string[]; rows: unknown[][] }) {
  const text = useText();
  return (
    <div style={{ maxHeight: 420, overflow: "auto" }}>
      <Rows
        label={title} rows={rows.slice(0, MOST_ROWS).map((row, index) => ({ row, index }))} id={({ index }) => String(index)}
        columns={columns.map((name, place) => ({
          key: name,
          title: name,
          right: rows.some((row) => typeof row[place] === "number"),
          cell: ({ row }: { row: unknown[] }) => shown(row[place]),
        }))}
      />
      {rows.length > MOST_ROWS && <Text size="sm" c="dimmed">{text("metrics.moreRows", { n: rows.length - MOST_ROWS })}</Text>}
    </div>
  );
}
