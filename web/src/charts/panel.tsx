import { useComputedColorScheme } from "@mantine/core";
import type { Schemas } from "../api/client";
import { number } from "../parts/forms";
import { Lines } from "./lines";
import { ParallelChart } from "./parallel";

export type Panel = Schemas["PanelContent"];

/** A part of a picture, as matplotlib and R draw it, too: the server says what is in it. */
export function PanelChart({ panel, isLog, group }: { panel: Panel; isLog?: boolean; group?: string }) {
  switch (panel.kind) {
    case "lines":
    case "dots":
      return (
        <Lines
          title={panel.title} lines={panel.lines} xLabel={panel.x_label} yLabel={panel.y_label} isDots={panel.kind === "dots"}
          diagonal={panel.diagonal} {...(isLog ? { isLog } : {})} {...(group ? { group } : {})}
        />
      );
    case "matrix":
      return (
        <Matrix
          title={panel.title} rows={panel.labels} columns={panel.labels} cells={panel.cells} corner={`${panel.y_label} \\ ${panel.x_label}`}
        />
      );
    case "bars":
      return <Bars label={panel.title} edges={panel.edges} heights={panel.heights} />;
    case "shares":
      return <Shares label={panel.title} names={panel.labels} shares={panel.heights} />;
    case "parallel":
      return (
        <ParallelChart
          label={panel.title}
          axes={panel.labels.map((name, index) => ({
            name, ends: [panel.texts[2 * index] ?? "", panel.texts[2 * index + 1] ?? ""],
          }))}
          lines={panel.lines.map(({ name, y, shade }) => ({ id: name, name, shares: y, shade }))}
        />
      );
    default:
      return null;
  }
}

/** Parts of a whole, a bar for each. */
export function Shares({ label, names, shares }: { label: string; names: string[]; shares: number[] }) {
  return (
    <table className="shares" aria-label={label}>
      <tbody>
        {names.map((name, index) => {
          const share = shares[index] ?? 0;
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td><span className="share" style={{ inlineSize: `${Math.max(share * 100, 0.5)}%` }} /></td>
              <td className="numbers">{(share * 100).toFixed(1)} %</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

type MatrixProps = { title: string; rows: string[]; columns: string[]; cells: number[][]; corner?: string };

/** A confusion matrix, or one of correlations: as a table, since its numbers are what is read. */
export function Matrix({ title, rows, columns, cells, corner = "" }: MatrixProps) {
  const scheme = useComputedColorScheme("light");
  const most = Math.max(...cells.flat().map(Math.abs), 1);
  const ground = (value: number) => {
    const share = Math.round((Math.abs(value) / most) * (scheme === "light" ? 45 : 60));
    return `color-mix(in srgb, ${scheme === "light" ? "#4b92cf" : "#1c5d99"} ${share}%, var(--studio-panel))`;
  };
  return (
    <div style={{ overflow: "auto" }} tabIndex={0} role="region" aria-label={title}>
      <table className="matrix" aria-label={title}>
        <thead>
          <tr>
            <th scope="col">{corner}</th>
            {columns.map((label) => <th key={label} scope="col">{label}</th>)}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, index) => (
            <tr key={rows[index]}>
              <th scope="row">{rows[index]}</th>
              {row.map((value, column) => (
                <td key={columns[column]} style={{ background: ground(value) }}>{number(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A histogram. */
export function Bars(props: { label: string; edges: number[]; heights: number[]; height?: number }) {
  const { label, edges, heights, height = 180 } = props;
  const most = Math.max(...heights, 1);
  const [first = 0, last = 1] = [edges[0], edges.at(-1)];
  const span = last - first || 1;
  const width = 320;
  return (
    <svg viewBox={`0 0 ${width} ${height}`} width="100%" role="img" aria-label={`${label}: ${number(first)} – ${number(last)}`} style={{ maxWidth: 420 }}>
      {heights.map((count, index) => {
        const [left = 0, right = 0] = [edges[index], edges[index + 1]];
        const tall = (count / most) * (height - 22);
        return (
          <rect
            key={index}
            x={((left - first) / span) * width + 0.5}
            y={height - 18 - tall}
            width={Math.max(((right - left) / span) * width - 1, 0.5)}
            height={tall}
            fill="var(--mantine-color-anchor)"
          >
            <title>{`${number(left)} – ${number(right)}: ${number(count)}`}</title>
          </rect>
        );
      })}
      <text x={0} y={height - 4} fontSize={11} fill="currentColor">{number(first)}</text>
      <text x={width} y={height - 4} fontSize={11} textAnchor="end" fill="currentColor">{number(last)}</text>
    </svg>
  );
}
