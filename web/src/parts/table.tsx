import type { ReactNode } from "react";
import { Badge, Button, Table, Text } from "@mantine/core";
import { useText } from "../text/text";

export type Column<Row> = {
  key: string;
  title: ReactNode;
  cell: (row: Row) => ReactNode;
  right?: boolean;
  /** Left out on a phone. */
  isMore?: boolean;
};

/** What can be done with a row: buttons side by side, below each other on a phone. */
export const RowActs = ({ children }: { children: ReactNode }) => <div className="row-acts">{children}</div>;

type RowActProps = { said: string; about: string; act: () => void; isBusy?: boolean; isFocused?: boolean };

/** One of these buttons; who cannot see the row is told what it is about. */
export function RowAct({ said, about, act, isBusy = false, isFocused = false }: RowActProps) {
  return (
    <Button size="compact-xs" variant="default" loading={isBusy} autoFocus={isFocused} aria-label={`${said}: ${about}`} onClick={act}>{said}</Button>
  );
}

/** What works by itself: its name, whether it is paused, and what it is for. */
export function Working({ name, status, description }: { name: string; status: string; description?: string | null }) {
  const text = useText();
  return (
    <div>
      <div className="working">
        {name}
        <Badge className="badge" variant="default" radius="sm" tt="none">{text(status === "Paused" ? "state.paused" : "state.active")}</Badge>
      </div>
      {description && <Text size="xs" c="dimmed">{description}</Text>}
    </div>
  );
}

/** A table of some dozens of rows. */
export function Rows<Row>(props: {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  id: (row: Row) => string;
}) {
  const { label, rows, columns, id } = props;
  const side = (column: Column<Row>) => (column.right ? "right" : "left");
  const more = (column: Column<Row>) => (column.isMore ? "wide" : undefined);
  return (
    <div className="panel rows" tabIndex={0} role="region" aria-label={label}>
      <Table aria-label={label} verticalSpacing={7} highlightOnHover>
        <Table.Thead>
          <Table.Tr>
            {columns.map((each) => (
              <Table.Th key={each.key} ta={side(each)} className={more(each)} scope="col">{each.title}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={id(row)}>
              {columns.map((each) => (
                <Table.Td key={each.key} ta={side(each)} className={`${more(each) ?? ""} ${each.right ? "numbers" : ""}`}>
                  {each.cell(row)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
