import { useState } from "react";
import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, got, type RunRecord, type Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { Code } from "../parts/code";
import { duration } from "../parts/forms";
import { Graph } from "../parts/graph";
import { place, ToRun } from "../parts/links";
import { Loaded } from "../parts/states";
import { hasEnded, Status } from "../parts/status";
import { Rows } from "../parts/table";
import { useText, type Text as Texts } from "../text/text";
import { useSteps } from "./queries";

type Step = Schemas["StepContent"];

/** A pipeline's steps, with how each is doing. */
export default function Steps({ run }: { run: RunRecord }) {
  const text = useText();
  const workspace = useWorkspace();
  const steps = useSteps(workspace, run.id, !hasEnded(run.status));
  const [asked, setAsked] = useState<string | null>(null);
  return (
    <Loaded from={steps}>
      {(all) => (
        <Stack gap="md">
          <Graph
            label={text("run.steps")}
            nodes={all.map((step) => ({
              id: step.name,
              title: step.name,
              kind: step.kind,
              state: <State step={step} />,
              to: step.run_id ? place.run(workspace, step.run_id) : undefined,
            }))}
            links={all.flatMap((step) => step.needs.map((from) => ({ from, to: step.name })))}
          />
          <Rows
            label={text("run.steps")} rows={all} id={({ name }) => name}
            columns={[
              { key: "step", title: text("steps.step"), cell: ({ name, run_id }) => run_id ? <ToRun run={run_id}>{name}</ToRun> : name },
              { key: "status", title: text("status"), cell: (step) => <State step={step} /> },
              { key: "duration", title: text("duration"), right: true, cell: (step) => step.duration === null ? "–" : duration(step.duration) },
              { key: "attempts", title: text("steps.attempts"), right: true, isMore: true, cell: ({ attempts }) => attempts },
              { key: "note", title: text("steps.note"), isMore: true, cell: (step) => note(text, step) },
              {
                key: "why", title: "", right: true,
                cell: ({ name, run_id }) => run_id && (
                  <Button size="compact-xs" variant="default" aria-label={`${text("steps.why")} ${name}`} onClick={() => setAsked(name)}>
                    {text("steps.why")}
                  </Button>
                ),
              },
            ]}
          />
          {asked && <Why run={run.id} step={asked} />}
        </Stack>
      )}
    </Loaded>
  );
}

function State({ step }: { step: Step }) {
  const text = useText();
  if (step.skipped !== null) return <Text size="xs" c="dimmed">{text("steps.skipped")}</Text>;
  return (
    <Group gap={6} wrap="nowrap">
      <Status status={step.status} />
      {step.reused && <Text size="xs" c="dimmed">{text("steps.reused")}</Text>}
    </Group>
  );
}

function note(text: Texts, { error, skipped, items, items_done }: Step): string {
  if (items !== null) return text("steps.items", { done: items_done ?? 0, all: items });
  return error ?? skipped ?? "";
}

/** Why a step ran, or did not. */
export function Why({ run, step }: { run: string; step: string }) {
  const text = useText();
  const workspace = useWorkspace();
  const why = useQuery({
    queryKey: ["why", workspace, run, step],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/runs/{run}/steps/{step}/why", {
          params: { path: { workspace, run, step } },
        }),
      ),
  });
  return <Loaded from={why}>{(reason) => <Code code={reason.text} label={`${text("steps.why")} ${step}`} />}</Loaded>;
}
