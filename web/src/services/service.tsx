import { useState } from "react";
import { Button, Group, Stack, Text, Textarea, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { Code } from "../parts/code";
import { Page } from "../parts/page";
import { ErrorBox, Loaded } from "../parts/states";
import { Pairs } from "../run/overview";
import { useText } from "../text/text";
import { exampleOf } from "./example";
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

/** A request as JSON, begun with an example of what the service takes. */
function TryIt({ name }: { name: string }) {
  const workspace = useWorkspace();
  const path = { workspace, name };
  const described = useQuery({
    queryKey: ["interface", workspace, name],
    queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/services/{name}/interface", { params: { path } })),
    staleTime: 60_000,
  });
  return <Loaded from={described}>{({ openapi }) => <Form name={name} example={exampleOf(openapi)} />}</Loaded>;
}

function Form({ name, example }: { name: string; example: unknown }) {
  const text = useText();
  const workspace = useWorkspace();
  const [typed, setTyped] = useState(() => JSON.stringify(example, null, 2));
  const ask = useMutation({
    mutationFn: (request: unknown) =>
      got(api.POST("/api/v1/workspaces/{workspace}/services/{name}/score", { params: { path: { workspace, name } }, body: request as never })),
  });
  const request = parsed(typed);
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{text("services.try")}</Title>
      <Textarea
        aria-label={text("services.request")} autosize minRows={4} maxRows={16} value={typed} spellCheck={false}
        error={request === undefined ? text("services.notJson") : null}
        onChange={(event) => setTyped(event.currentTarget.value)}
        styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
      />
      <Group>
        <Button loading={ask.isPending} disabled={request === undefined} onClick={() => request && ask.mutate(request.value)}>
          {text("services.send")}
        </Button>
      </Group>
      {ask.error && <ErrorBox error={ask.error} />}
      {ask.data && <Code code={JSON.stringify(ask.data.answer, null, 2)} label={text("services.answer")} maxHeight={320} />}
    </Stack>
  );
}

function parsed(typed: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(typed) as unknown };
  } catch {
    return undefined;
  }
}
