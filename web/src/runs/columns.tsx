import { Button, Checkbox, Popover, ScrollArea, Stack, Text } from "@mantine/core";
import { useText, type Key } from "../text/text";
import { useChoices } from "./choices";
import { columnsOf, usualColumns, type ColumnId, type Group, type RunTable } from "./queries";

const TITLES: Record<Group, Key> = {
  fields: "runs.fields",
  metrics: "runs.metrics",
  params: "runs.params",
  tags: "runs.tags",
};

/** Which columns the table has. */
export function Columns({ table }: { table: RunTable }) {
  const text = useText();
  const choices = useChoices();
  const all = columnsOf(table);
  const chosen = choices.columns ?? usualColumns(table);
  const toggle = (id: ColumnId) => {
    const next = chosen.includes(id)
      ? chosen.filter((each) => each !== id)
      : all.filter((each) => each === id || chosen.includes(each));
    choices.set({ columns: next.join(",") });
  };
  return (
    <Popover position="bottom-end" shadow="md" trapFocus withinPortal>
      <Popover.Target>
        <Button variant="default">{text("runs.columns")}</Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={text("runs.columns")}>
        <ScrollArea.Autosize mah={420} w={230} type="auto">
          <Stack gap="sm">
            <Button size="compact-sm" variant="default" onClick={() => choices.set({ columns: null })}>
              {text("runs.usualColumns")}
            </Button>
            {(Object.keys(TITLES) as Group[]).map((group) => {
              const columns = all.filter((id) => id.startsWith(`${group}.`));
              return columns.length === 0 ? null : (
                <Stack key={group} gap={6} role="group" aria-label={text(TITLES[group])}>
                  <Text size="xs" fw={650}>{text(TITLES[group])}</Text>
                  {columns.map((id) => (
                    <Checkbox
                      key={id}
                      size="xs"
                      label={titleOf(text, id)}
                      checked={chosen.includes(id)}
                      onChange={() => toggle(id)}
                    />
                  ))}
                </Stack>
              );
            })}
          </Stack>
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  );
}

/** Fields have names in each language; what was logged keeps its own. */
export function titleOf(text: (key: Key) => string, id: ColumnId): string {
  return id.startsWith("fields.") ? text(`field.${id.slice(7)}` as Key) : id.slice(id.indexOf(".") + 1);
}
