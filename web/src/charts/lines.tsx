import { useEffect, useRef } from "react";
import { useComputedColorScheme } from "@mantine/core";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { number } from "../parts/forms";
import "./charts.css";

export type Line = {
  name: string;
  x: number[];
  y: (number | null)[];
  /** Points alone, in a chart of lines. */
  is_dots?: boolean;
};

/** Colours that differ for the colour-blind, too (Okabe and Ito), darker on a light ground. */
const COLOURS = {
  light: ["#0072b2", "#b34a00", "#00795a", "#a3417c", "#8a6d00", "#2a78a8", "#555555"],
  dark: ["#56b4e9", "#e69f00", "#2fc49b", "#e38fc0", "#f0e442", "#7fc4ef", "#bbbbbb"],
};

export function colour(index: number, scheme: "light" | "dark"): string {
  const all = COLOURS[scheme];
  return all[index % all.length] ?? "#555555";
}

type Props = {
  title: string;
  lines: Line[];
  xLabel: string;
  /** Empty where the title says it. */
  yLabel?: string;
  isLog?: boolean;
  isDots?: boolean;
  diagonal?: boolean;
  /** Charts of the same group share the place of the pointer. */
  group?: string;
};

/** Lines over numbers. A stretch is enlarged by dragging, a double click shows all again. */
export function Lines({ title, lines, xLabel, yLabel = "", isLog = false, isDots = false, diagonal = false, group }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme("light");
  const isWhole = lines.every(({ x }) => x.every(Number.isInteger));
  const shape = JSON.stringify([lines.map(({ name, is_dots = isDots }) => [name, is_dots]), xLabel, yLabel, isLog, diagonal, scheme, isWhole, group]);
  useEffect(() => {
    const holder = box.current;
    if (!holder) return;
    const made = new uPlot(
      options(holder.clientWidth, shape),
      aligned(lines, diagonal),
      holder,
    );
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: holder.clientWidth, height: HEIGHT }));
    observer.observe(holder);
    return () => {
      observer.disconnect();
      made.destroy();
      chart.current = null;
    };
    // Other points of the same lines go into the chart that there is.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shape]);
  useEffect(() => {
    chart.current?.setData(aligned(lines, diagonal));
  }, [lines, diagonal]);
  return <div ref={box} className="chart" role="img" aria-label={described(title, lines, xLabel, yLabel)} />;
}

const HEIGHT = 240;
// The name of uPlot's constant is for compilers that read all files at once.
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
const LOGARITHMIC: uPlot.Scale = { distr: 3 };

/** Steps and trials are counted: no mark stands between two of them. */
const WHOLE = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

/** On a logarithmic scale some marks have no number. */
function marks(_: uPlot, places: (number | null)[]): string[] {
  return places.map((place) => (place === null ? "" : number(place)));
}

function options(width: number, shape: string): uPlot.Options {
  const [series, xLabel, yLabel, isLog, diagonal, scheme, isWhole, group] = JSON.parse(shape) as
    [[string, boolean][], string, string, boolean, boolean, "light" | "dark", boolean, string | null];
  const style = getComputedStyle(document.documentElement);
  const axis: uPlot.Axis = {
    stroke: style.getPropertyValue("--mantine-color-dimmed"),
    grid: { stroke: style.getPropertyValue("--studio-line"), width: 1 },
    ticks: { stroke: style.getPropertyValue("--studio-line"), width: 1 },
    font: "12px system-ui, sans-serif",
    labelFont: "12px system-ui, sans-serif",
  };
  const shown = (_: uPlot, value: number | null) => (value === null ? "–" : number(value));
  return {
    width,
    height: HEIGHT,
    scales: { x: { time: false }, y: isLog ? LOGARITHMIC : {} },
    axes: [{ ...axis, label: xLabel, labelSize: 20, ...(isWhole ? { incrs: WHOLE } : {}) }, { ...axis, size: 62, values: marks, ...(yLabel ? { label: yLabel, labelSize: 20 } : {}) }],
    cursor: group ? { sync: { key: group } } : {},
    legend: { live: true },
    series: [
      { label: xLabel, value: shown },
      ...series.map(([label, isDots], index): uPlot.Series => ({
        label,
        stroke: colour(index, scheme),
        width: isDots ? 0 : 1.6,
        spanGaps: true,
        points: { show: isDots, size: 6 },
        value: shown,
      })),
      ...(diagonal ? [{ label: "x = y", stroke: "#888888", dash: [4, 4], width: 1, points: { show: false }, value: shown }] : []),
    ],
  };
}

/** One list of places for all lines; a line has null where it has no point. */
export function aligned(lines: Line[], diagonal: boolean): uPlot.AlignedData {
  const xs = [...new Set(lines.flatMap(({ x }) => x))].sort((a, b) => a - b);
  const at = new Map(xs.map((x, index) => [x, index]));
  const columns = lines.map(({ x, y }) => {
    const column: (number | null)[] = new Array<number | null>(xs.length).fill(null);
    x.forEach((each, index) => {
      column[at.get(each) ?? 0] = y[index] ?? null;
    });
    return column;
  });
  return [xs, ...columns, ...(diagonal ? [xs] : [])];
}

function described(title: string, lines: Line[], xLabel: string, yLabel: string): string {
  const last = lines.slice(0, 6).map(({ name, y }) => {
    const value = y.findLast((each): each is number => each !== null);
    return `${name}: ${value === undefined ? "–" : number(value)}`;
  });
  return `${title} (${yLabel ? `${yLabel}, ` : ""}${xLabel}). ${last.join(", ")}`;
}
