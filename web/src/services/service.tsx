import { useState } from "react";
import { Button, Group, SimpleGrid, Stack, Tabs, Text, Textarea, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { Code } from "../parts/code";
import { Fields } from "../parts/fields";
import { Page } from "../parts/page";
import { replaced, type Field } from "../parts/schema";
import { ErrorBox, Loaded } from "../parts/states";
import { Pairs } from "../run/overview";
import { useText } from "../text/text";
import { columnsOf, exampleOf, firstRow, rowOf, type Row } from "./request";
import { StartStop, State } from "./services";

export default function ServicePage() {
  const { name = "" } = useParams();
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  const asked = { params: { path: { workspace, name } } };
  const service = useQuery({
    queryKey: ["service", workspace, name],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/services/{name}", asked)),
    refetchInterval: 3_000,
  });
  const log = useQuery({
    queryKey: ["service-log", workspace, name],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/services/{name}/log", asked)),
    refetchInterval: 5_000,
  });
  return (
    <Loaded from={service}>
      {(found) => (
        <Page title={name} actions={may && <StartStop service={found} />}>
          <Group gap="xs"><State state={found.state} />{found.description && <Text size="sm">{found.description}</Text>}</Group>
          <Stack className="panel" p="md" component="section">
            <Pairs
              pairs={[
                [text("services.address"), found.scoring_uri ?? "–"],
                [text("models.title"), found.models.join(", ") || "–"],
                [text("services.replicas"), `${found.ready}/${found.replicas}`],
                [text("services.restarts"), String(found.restarts)],
                [text("services.key"), text(found.needs_key ? "yes" : "no")],
              ]}
            />
          </Stack>
          {may && <TryIt name={name} />}
          {log.data && (
            <Stack gap="xs" component="section">
              <Title order={2}>{text("run.log")}</Title>
              <Code code={log.data.text} label={text("run.log")} maxHeight={320} />
            </Stack>
          )}
        </Page>
      )}
    </Loaded>
  );
}

/** A request: a field for each column of a row, or JSON, begun with an example of what the service takes. */
function TryIt({ name }: { name: string }) {
  const workspace = useWorkspace();
  const path = { workspace, name };
  const described = useQuery({
    queryKey: ["interface", workspace, name],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/services/{name}/interface", { params: { path } })),
    staleTime: 60_000,
  });
  return <Loaded from={described}>{({ openapi }) => <Form name={name} openapi={openapi} />}</Loaded>;
}

function Form({ name, openapi }: { name: string; openapi: Row }) {
  const text = useText();
  const workspace = useWorkspace();
  const columns = columnsOf(openapi);
  const [typed, setTyped] = useState(() => written(columns.length > 0 ? firstRow(openapi) : exampleOf(openapi)));
  const ask = useMutation({
    mutationFn: (request: unknown) =>
      got(api.POST("/api/v1/workspaces/{workspace}/services/{name}/score", { params: { path: { workspace, name } }, body: request as never })),
  });
  const request = parsed(typed);
  const json = <Json typed={typed} type={setTyped} />;
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{text("services.try")}</Title>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (request) ask.mutate(request.value);
        }}
      >
        {columns.length > 0
          ? (
            <Tabs defaultValue="form" keepMounted={false}>
              <Tabs.List>
                <Tabs.Tab value="form">{text("services.form")}</Tabs.Tab>
                <Tabs.Tab value="json">{text("services.json")}</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="form" pt="sm">
                <RowForm columns={columns} row={rowOf(request?.value)} set={(row) => setTyped(written([row]))} />
              </Tabs.Panel>
              <Tabs.Panel value="json" pt="sm">{json}</Tabs.Panel>
            </Tabs>
          )
          : json}
        <Button type="submit" mt="sm" loading={ask.isPending} disabled={request === undefined}>{text("services.send")}</Button>
      </form>
      {ask.error && <ErrorBox error={ask.error} />}
      {ask.data && <Code code={written(ask.data.answer)} label={text("services.answer")} maxHeight={320} />}
    </Stack>
  );
}

/** The fields of a row; what was written as JSON and is no single row is left as it is. */
function RowForm({ columns, row, set }: { columns: Field[]; row: Row | null; set: (row: Row) => void }) {
  const text = useText();
  if (!row) return <Text size="sm">{text("services.otherRequest")}</Text>;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="sm" verticalSpacing="xs">
      <Fields fields={columns} values={row} problem={() => undefined} set={(column, value) => set(replaced(row, column, value))} />
    </SimpleGrid>
  );
}

function Json({ typed, type }: { typed: string; type: (typed: string) => void }) {
  const text = useText();
  return (
    <Textarea
      aria-label={text("services.request")} autosize minRows={4} maxRows={16} value={typed} spellCheck={false}
      error={parsed(typed) === undefined ? text("services.notJson") : null}
      onChange={(event) => type(event.currentTarget.value)}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
    />
  );
}

const written = (request: unknown): string => JSON.stringify(request, null, 2);

function parsed(typed: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(typed) as unknown };
  } catch {
    return undefined;
  }
}
