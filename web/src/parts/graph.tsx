import type { ReactNode } from "react";
import { Link } from "react-router";
import "./graph.css";

export type GraphNode = {
  id: string;
  title: string;
  kind: string;
  state?: ReactNode;
  to?: string | undefined;
  isMarked?: boolean;
};
export type GraphLink = { from: string; to: string };

const WIDTH = 190;
const HEIGHT = 72;
const GAP = { x: 56, y: 18 };

/** A graph that flows from left to right; its boxes come in that order for the keyboard, too. */
export function Graph(props: { label: string; nodes: GraphNode[]; links: GraphLink[] }) {
  const { label, nodes, links } = props;
  const places = placed(nodes.map(({ id }) => id), links);
  const width = Math.max(...[...places.values()].map(({ x }) => x)) + WIDTH;
  const height = Math.max(...[...places.values()].map(({ y }) => y)) + HEIGHT;
  return (
    <div className="panel graph" tabIndex={0} role="group" aria-label={label}>
      <div style={{ position: "relative", width, height }}>
        <svg width={width} height={height} aria-hidden="true">
          {links.map(({ from, to }) => (
            <path key={`${from}→${to}`} d={curve(places.get(from), places.get(to))} className="graph-link" />
          ))}
        </svg>
        {nodes.map((node) => {
          const place = places.get(node.id);
          const content = (
            <>
              <span className="graph-kind truncated">{node.kind}</span>
              <span className="graph-title truncated" title={node.title}>{node.title}</span>
              {node.state}
            </>
          );
          const shared = {
            className: `graph-node ${node.isMarked ? "graph-marked" : ""}`,
            style: { insetInlineStart: place?.x, insetBlockStart: place?.y, width: WIDTH, height: HEIGHT },
          };
          return node.to
            ? <Link key={node.id} to={node.to} {...shared}>{content}</Link>
            : <div key={node.id} {...shared}>{content}</div>;
        })}
      </div>
    </div>
  );
}

type Place = { x: number; y: number };

/** Each node right of all that lead to it, and near the middle of those. */
export function placed(ids: string[], links: GraphLink[]): Map<string, Place> {
  const before = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { from, to } of links) before.get(to)?.push(from);
  const layers = layered(ids, before);
  const places = new Map<string, Place>();
  const order = new Map<string, number>();
  layers.forEach((layer, column) => {
    const wish = (id: string) => {
      const known = (before.get(id) ?? []).map((each) => order.get(each) ?? 0);
      return known.length ? known.reduce((sum, each) => sum + each, 0) / known.length : 0;
    };
    [...layer].sort((a, b) => wish(a) - wish(b)).forEach((id, row) => {
      order.set(id, row);
      places.set(id, { x: column * (WIDTH + GAP.x), y: row * (HEIGHT + GAP.y) });
    });
  });
  return places;
}

function layered(ids: string[], before: Map<string, string[]>): string[][] {
  const depths = new Map<string, number>();
  const depth = (id: string, path: Set<string>): number => {
    const known = depths.get(id);
    if (known !== undefined || path.has(id)) return known ?? 0;
    const inner = new Set(path).add(id);
    const found = Math.max(-1, ...(before.get(id) ?? []).map((each) => depth(each, inner))) + 1;
    depths.set(id, found);
    return found;
  };
  const layers: string[][] = [];
  for (const id of ids) (layers[depth(id, new Set())] ??= []).push(id);
  return layers;
}

function curve(from?: Place, to?: Place): string {
  if (!from || !to) return "";
  const [x1, y1, x2, y2] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}
