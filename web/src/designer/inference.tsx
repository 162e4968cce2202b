import { useState } from "react";
import { Select } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { useWorkspace } from "../api/session";
import { Asking } from "../parts/asking";
import { useAssets } from "../parts/assets";
import { place } from "../parts/links";
import { NameInput } from "../parts/name-input";
import { useText } from "../text/text";
import { deployRun, drawBatch } from "./queries";
import { useDraft } from "./store";

type Props = { draft: string; run: string; close: () => void };

/** Has the trained pipeline of a run answer requests, as a service. */
export function DeployDialog({ draft, run, close }: Props) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(draft);
  const [step, setStep] = useState<string | null>(null);
  const deploy = useMutation({
    mutationFn: () => deployRun(workspace, run, { name, step, overwrite: false }),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["services", workspace] });
      void navigate(place.section(workspace, "services", made.name));
    },
  });
  return (
    <Asking title={text("designer.deploy")} about={text("designer.aboutDeploying")} act={deploy} close={close}>
      <NameInput
        label={text("designer.service")} value={name} onType={setName} data-autofocus
      />
      <End step={step} choose={setStep} />
    </Asking>
  );
}

/** Draws what scores a dataset as the trained pipeline of a run does. */
export function BatchDialog({ draft, run, close }: Props) {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const datasets = useAssets(workspace, "dataset");
  const [name, setName] = useState(`${draft}-batch`);
  const [dataset, setDataset] = useState<string | null>(null);
  const [registerAs, setRegisterAs] = useState(`${draft}-scored`);
  const [step, setStep] = useState<string | null>(null);
  const draw = useMutation({
    mutationFn: () => drawBatch(workspace, run, { name, dataset: dataset ?? "", register_as: registerAs, step }),
    onSuccess: (made) => void navigate(place.section(workspace, "designer", made.name)),
  });
  return (
    <Asking title={text("designer.batch")} about={text("designer.aboutBatch")} act={draw} close={close}>
      <NameInput label={text("name")} value={name} onType={setName} data-autofocus />
      <Select
        label={text("designer.scoredDataset")} required searchable value={dataset} onChange={setDataset}
        data={datasets.data?.map((each) => each.name) ?? []}
      />
      <NameInput
        label={text("designer.registerAs")} value={registerAs} onType={setRegisterAs}
      />
      <End step={step} choose={setStep} />
    </Asking>
  );
}

/** Where the path to predictions ends, if it is not plain. */
function End({ step, choose }: { step: string | null; choose: (step: string | null) => void }) {
  const text = useText();
  const { pipeline } = useDraft();
  return (
    <Select
      label={text("designer.endsAt")} placeholder={text("designer.whereScored")} clearable searchable
      data={Object.keys(pipeline.steps)} value={step} onChange={choose}
    />
  );
}
