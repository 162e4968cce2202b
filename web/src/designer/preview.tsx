import { SimpleGrid, Stack, Text, Title } from "@mantine/core";
import type { Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { ColumnCard, FirstRows } from "../datasets/dataset";
import { Code } from "../parts/code";
import { Dialog } from "../parts/dialog";
import { Loaded } from "../parts/states";
import { useText } from "../text/text";
import { usePreview } from "./queries";
import { kindText } from "./words";
import { isReport, ReportView } from "./report";

type Preview = Schemas["Preview"];
export type Previewed = { run: string; step: string; output: string };

/** What came out of a step: a table with its columns, a report, or a value. */
export function PreviewDialog({ run, step, output, close }: Previewed & { close: () => void }) {
  const preview = usePreview(useWorkspace(), run, step, output);
  return (
    <Dialog close={close} size="72rem" title={`${step} · ${output}`}>
      <Loaded from={preview}>{(content) => <Shown preview={content} label={output} />}</Loaded>
    </Dialog>
  );
}

function Shown({ preview, label }: { preview: Preview; label: string }) {
  const text = useText();
  const { type, rows, profile, sample, value } = preview;
  if (profile && sample) {
    return (
      <Stack gap="md">
        <Text size="sm" c="dimmed">{text("designer.size", { rows: text.number(rows ?? 0), columns: profile.length })}</Text>
        <FirstRows columns={sample.columns} rows={sample.rows} />
        <Title order={3} size="md">{text("datasets.columns")}</Title>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {profile.map((column) => <ColumnCard key={column.name} column={column} />)}
        </SimpleGrid>
      </Stack>
    );
  }
  if (value === null || value === undefined) return <Text size="sm" c="dimmed">{text("designer.noPreview", { kind: kindText(text, type) })}</Text>;
  if (isReport(value)) return <ReportView report={value} />;
  return <Code code={JSON.stringify(value, null, 2)} label={label} maxHeight={480} />;
}
