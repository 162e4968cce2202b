import { useState } from "react";
import { Button, Group, Select, Stack, Switch, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useWorkspace } from "../api/session";
import { Dialog } from "../parts/dialog";
import { given, ParameterFields } from "../parts/parameters";
import { ErrorBox } from "../parts/states";
import { useText } from "../text/text";
import { parameterOf } from "./pipeline-settings";
import { runDraft } from "./queries";
import { useSaver } from "./saving";
import { useDraft } from "./store";

type Props = { draft: string; until: string | null; started: (run: string) => void; close: () => void };

/** Asks what a run is to differ in, and starts it. */
export function RunDialog({ draft: name, until: wanted, started, close }: Props) {
  const text = useText();
  const workspace = useWorkspace();
  const saver = useSaver();
  const client = useQueryClient();
  const { pipeline } = useDraft();
  const [experiment, setExperiment] = useState(name);
  const [until, setUntil] = useState(wanted);
  const [regenerate, setRegenerate] = useState(false);
  const [typed, setTyped] = useState<Record<string, string>>({});
  const parameters = Object.fromEntries(
    Object.entries(pipeline.parameters ?? {}).map(([key, value]) => [key, parameterOf(value)]),
  );
  const start = useMutation({
    mutationFn: async () => {
      const version = await saver.flush();
      return runDraft(workspace, name, { version, experiment, parameters: given(typed, parameters), until, regenerate_outputs: regenerate, continue_on_step_failure: false });
    },
    onSuccess: ({ id }) => {
      void client.invalidateQueries({ queryKey: ["draft-runs", workspace, name] });
      started(id);
      close();
    },
  });
  return (
    <Dialog close={close} title={text("designer.runTitle", { name })}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          start.mutate();
        }}
      >
        <Stack>
          <TextInput
            label={text("runs.experiment")} required value={experiment} onChange={(event) => setExperiment(event.currentTarget.value)}
          />
          <Select
            label={text("designer.until")} data={Object.keys(pipeline.steps)} value={until} onChange={setUntil} clearable searchable
            placeholder={text("designer.wholePipeline")}
          />
          <ParameterFields
            parameters={parameters} typed={typed} type={(key, value) => setTyped((old) => ({ ...old, [key]: value }))}
          />
          <Switch
            label={text("designer.regenerate")} checked={regenerate} onChange={(event) => setRegenerate(event.currentTarget.checked)}
          />
          {start.error && <ErrorBox error={start.error} />}
          <Group justify="flex-end"><Button type="submit" loading={start.isPending} data-autofocus>{text("pipelines.run")}</Button></Group>
        </Stack>
      </form>
    </Dialog>
  );
}
