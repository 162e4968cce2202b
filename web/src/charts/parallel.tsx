import { useState } from "react";
import { useComputedColorScheme } from "@mantine/core";
import { colour } from "./lines";

const HEIGHT = 320;
const WIDTH = 960;
const EDGE = { x: 70, top: 40, bottom: 30 };
const MOST_LETTERS = 17;

type Axis = { name: string; ends: [string, string] };
type ParallelLine = {
  id: string;
  name: string;
  /** For each axis the place from 0 to 1; null for none. */
  shares: (number | null)[];
  /** How strong it is drawn, from 0 to 1, where colours would be too many. */
  shade?: number | null;
};

/** Upright axes, and a line through them for each of several things. */
export function ParallelChart({ label, axes, lines }: { label: string; axes: Axis[]; lines: ParallelLine[] }) {
  const scheme = useComputedColorScheme("light");
  const [hovered, setHovered] = useState<number | null>(null);
  const across = (index: number) => EDGE.x + (index / (axes.length - 1)) * (WIDTH - 2 * EDGE.x);
  const down = (share: number) => EDGE.top + (1 - share) * (HEIGHT - EDGE.top - EDGE.bottom);
  const opacity = ({ shade }: ParallelLine, row: number) => {
    if (hovered !== null) return hovered === row ? 1 : 0.2;
    return typeof shade === "number" ? 0.15 + 0.85 * shade : 1;
  };
  const stroke = ({ shade }: ParallelLine, row: number) =>
    typeof shade === "number" ? "var(--mantine-color-anchor)" : colour(row, scheme);
  return (
    <div className="panel" style={{ overflow: "auto" }} tabIndex={0} role="region" aria-label={label}>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width="100%" role="img" style={{ minWidth: Math.max(axes.length * 120, 600) }}
        aria-label={`${label}: ${axes.map(({ name }) => name).join(", ")}`}
      >
        {axes.map(({ name, ends: [least, greatest] }, index) => (
          <g key={name} fill="currentColor" fontSize={12} textAnchor="middle">
            <line x1={across(index)} x2={across(index)} y1={EDGE.top} y2={HEIGHT - EDGE.bottom} stroke="currentColor" strokeWidth={1} />
            <text x={across(index)} y={14} fontWeight={650}><title>{name}</title>{short(name)}</text>
            <text x={across(index)} y={32}>{short(greatest)}</text>
            <text x={across(index)} y={HEIGHT - 12}>{short(least)}</text>
          </g>
        ))}
        {lines.map((line, row) => (
          <g
            key={line.id} fill="none" stroke={stroke(line, row)}
            strokeWidth={hovered === row ? 3.5 : 1.8} opacity={opacity(line, row)}
            onMouseEnter={() => setHovered(row)} onMouseLeave={() => setHovered(null)}
          >
            <title>{line.name}</title>
            {stretches(line.shares).map((part) => (
              <polyline key={part[0]?.[0]} points={part.map(([index, share]) => `${across(index)},${down(share)}`).join(" ")} />
            ))}
          </g>
        ))}
      </svg>
      {lines.every(({ shade }) => typeof shade !== "number") && (
        <ul className="legend">
          {lines.map((line, row) => (
            <li key={line.id} onMouseEnter={() => setHovered(row)} onMouseLeave={() => setHovered(null)}>
              <svg width={14} height={4} aria-hidden="true"><rect width={14} height={4} fill={stroke(line, row)} /></svg> {line.name}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

const short = (name: string) => (name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS - 1)}…` : name);

/** Parts without a gap: a line may lack what an axis shows. */
function stretches(shares: (number | null)[]): [number, number][][] {
  const parts: [number, number][][] = [[]];
  shares.forEach((share, index) => {
    if (share === null) parts.push([]);
    else parts.at(-1)?.push([index, share]);
  });
  return parts.filter((part) => part.length > 0);
}

