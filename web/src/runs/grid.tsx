import { useEffect, useMemo, useRef, useState, type RefObject } from "react";
import { Checkbox, UnstyledButton } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useWorkspace } from "../api/session";
import { asNumber, duration, shown } from "../parts/forms";
import { Icon } from "../parts/icon";
import { ToRun } from "../parts/links";
import { Sparkline } from "../parts/sparkline";
import { Status } from "../parts/status";
import { When } from "../parts/when";
import { useText } from "../text/text";
import { useChoices } from "./choices";
import { titleOf } from "./columns";
import { columnOf, fieldOf, idOf, statusOf, useSeries, type ColumnId, type RunTable } from "./queries";
import "./grid.css";

const ROW = 34;
const CHUNK = 50;
const WIDTHS: Record<string, number> = {
  "fields.experiment": 140, "fields.status": 120, "fields.created": 130, "fields.duration": 100,
};
const LETTER = 8;
const [NARROWEST, WIDEST] = [110, 220];

/** Wide enough for its title, within bounds. */
const widthOf = (id: ColumnId, title: string) =>
  WIDTHS[id] ?? Math.min(Math.max(NARROWEST, title.length * LETTER + 40), WIDEST);

type Props = {
  table: RunTable;
  rows: number[];
  columns: ColumnId[];
  selected: ReadonlySet<string>;
  setSelected: (selected: ReadonlySet<string>) => void;
};

/** The runs; however many there are, only those in sight are drawn. */
export function Grid({ table, rows, columns, selected, setSelected }: Props) {
  const text = useText();
  const { metric } = useChoices();
  const scroller = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const curves = useCurves(table, rows, metric, items[0]?.index ?? 0, items.at(-1)?.index ?? 0);
  const widths = [36, 190, ...(metric ? [130] : []), ...columns.map((id) => widthOf(id, titleOf(text, id)))];
  const right = useMemo(() => new Set(columns.filter((id) => isRight(table, id))), [table, columns]);
  const isCut = useIsCut(scroller, widths.length);
  const layout = {
    gridTemplateColumns: widths.map((width) => `minmax(${width}px, ${width}fr)`).join(" "),
    minWidth: widths.reduce((sum, width) => sum + width, 0),
  };
  const all = rows.length > 0 && rows.every((row) => selected.has(idOf(table, row)));
  const toggle = (id: string) => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };
  return (
    <div
      className={`panel grid ${isCut ? "grid-cut" : ""}`} ref={scroller} tabIndex={0}
      role="table" aria-label={text("runs.title")} aria-rowcount={rows.length + 1}
    >
      <div className="grid-head" style={layout} role="row">
        <span role="columnheader" className="grid-cell">
          <Checkbox
            size="xs" checked={all} indeterminate={!all && selected.size > 0}
            aria-label={text("runs.selectAll")}
            onChange={() => setSelected(all ? new Set() : new Set(rows.map((row) => idOf(table, row))))}
          />
        </span>
        <Head id="fields.display_name" title={text("run")} />
        {metric && <span role="columnheader" className="grid-cell truncated" title={metric}>{metric}</span>}
        {columns.map((id) => <Head key={id} id={id} title={titleOf(text, id)} isRight={right.has(id)} />)}
      </div>
      <div style={{ height: virtual.getTotalSize(), position: "relative", minWidth: layout.minWidth }} role="rowgroup">
        {items.map(({ index, start }) => {
          const row = rows[index] ?? 0;
          const id = idOf(table, row);
          return (
            <div
              key={id} role="row" aria-rowindex={index + 2} className="grid-row"
              aria-selected={selected.has(id)} style={{ ...layout, transform: `translateY(${start}px)` }}
            >
              <span role="cell" className="grid-cell">
                <input
                  type="checkbox" className="grid-check" checked={selected.has(id)} onChange={() => toggle(id)}
                  aria-label={text("runs.select", { run: table.fields.display_name?.[row] as string })}
                />
              </span>
              <span role="cell" className="grid-cell truncated">
                <ToRun run={id}>{table.fields.display_name?.[row] as string}</ToRun>
              </span>
              {metric && (
                <span role="cell" className="grid-cell">
                  <Sparkline values={curves[id]} label={metric} />
                </span>
              )}
              {columns.map((column) => (
                <span key={column} role="cell" className={`grid-cell truncated ${right.has(column) ? "right" : ""}`}>
                  <Cell table={table} row={row} column={column} />
                </span>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Whether there is more beyond the right edge. */
function useIsCut(scroller: RefObject<HTMLDivElement | null>, columns: number): boolean {
  const [isCut, setIsCut] = useState(false);
  useEffect(() => {
    const box = scroller.current;
    if (!box) return;
    const look = () => setIsCut(box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
    const observer = new ResizeObserver(look);
    observer.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, [scroller, columns]);
  return isCut;
}

/** The curves of the rows in sight, asked for in chunks, so that scrolling back asks for nothing. */
function useCurves(table: RunTable, rows: number[], metric: string | null, from: number, to: number) {
  const workspace = useWorkspace();
  const first = Math.floor(from / CHUNK) * CHUNK;
  const ids = (begin: number) => rows.slice(begin, begin + CHUNK).map((row) => idOf(table, row));
  const upper = useSeries(workspace, ids(first), metric, 60);
  const next = first + CHUNK;
  const lower = useSeries(workspace, to >= next ? ids(next) : [], metric, 60);
  const curves: Record<string, number[]> = {};
  for (const part of [upper.data, lower.data]) {
    for (const [run, series] of Object.entries(part ?? {})) {
      if (series.name === metric) curves[run] = series.values.map(asNumber);
    }
  }
  return curves;
}

function Head({ id, title, isRight: right = false }: { id: ColumnId; title: string; isRight?: boolean }) {
  const { query, set } = useChoices();
  const field = fieldOf(id);
  const [sorted, direction] = splitOrder(query.order);
  const isSorted = sorted === field;
  const next = !isSorted ? `${field} desc` : direction === "desc" ? `${field} asc` : null;
  return (
    <span
      role="columnheader"
      className={`grid-cell truncated ${right ? "right" : ""}`}
      aria-sort={isSorted ? (direction === "desc" ? "descending" : "ascending") : "none"}
    >
      <UnstyledButton className="grid-sort" title={title} onClick={() => set({ order: next })}>
        <span className="truncated">{title}</span>
        {isSorted && <Icon name={direction === "desc" ? "down" : "up"} size={13} />}
      </UnstyledButton>
    </span>
  );
}

function splitOrder(order = ""): [string, string] {
  const space = order.lastIndexOf(" ");
  return [order.slice(0, space), order.slice(space + 1)];
}

const RIGHT = new Set(["fields.duration"]);

function isRight(table: RunTable, id: ColumnId): boolean {
  if (id.startsWith("fields.")) return RIGHT.has(id);
  const first = columnOf(table, id)?.find((value) => value !== null);
  return typeof first === "number";
}

function Cell({ table, row, column }: { table: RunTable; row: number; column: ColumnId }) {
  if (column === "fields.status") return <Status status={statusOf(table, row)} />;
  if (column === "fields.duration") {
    const [started, ended] = [table.fields.started?.[row], table.fields.ended?.[row]] as (number | null)[];
    return started && ended ? duration((ended - started) / 1e6) : "–";
  }
  const value = columnOf(table, column)?.[row];
  if (column === "fields.created" || column === "fields.ended") {
    return typeof value === "number" ? <When time={value / 1000} /> : "–";
  }
  return shown(value);
}
