import { Button, Group, Stack, Text } from "@mantine/core";
import { useLiveRun } from "../api/live";
import { useWorkspace } from "../api/session";
import { place, To } from "../parts/links";
import { Loaded } from "../parts/states";
import { Log } from "../run/log";
import { useRun } from "../run/queries";
import { Why } from "../run/steps";
import { useText } from "../text/text";
import { portsOf } from "./graph";
import { State } from "./step-node";
import type { Step } from "./types";
import { useView } from "./view";

/** How a step has done in the run that is looked at. */
export function StepRun({ name, step }: { name: string; step: Step }) {
  const text = useText();
  const workspace = useWorkspace();
  const { states, run, components, preview } = useView();
  const state = states.get(name);
  if (!state || run === null) return <Text size="sm" c="dimmed">{text("designer.notRun")}</Text>;
  return (
    <Stack gap="sm">
      <Group gap={6}>
        <State state={state} />
        {state.run_id && <To to={place.run(workspace, state.run_id)}>{text("run")}</To>}
      </Group>
      {(state.error ?? state.skipped) && (
        <Text size="sm" role="alert" style={{ overflowWrap: "anywhere" }}>{state.error ?? state.skipped}</Text>
      )}
      {state.status === "Completed" && (
        <Group gap="xs">
          {portsOf(step, components).outputs.map((port) => (
            <Button key={port.name} size="compact-xs" variant="default" onClick={() => preview(name, port.name)}>
              {text("designer.show", { output: port.name })}
            </Button>
          ))}
        </Group>
      )}
      {state.run_id && <Why run={run} step={name} />}
      {state.run_id && <StepLog key={state.run_id} run={state.run_id} />}
    </Stack>
  );
}

function StepLog({ run }: { run: string }) {
  const workspace = useWorkspace();
  const record = useRun(workspace, run);
  const live = useLiveRun(workspace, run);
  return <Loaded from={record}>{(found) => <Log live={live} run={found} height="18rem" />}</Loaded>;
}
