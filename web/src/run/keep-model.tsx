import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, got, type RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { Asking, AskingButton } from "../parts/asking";
import { place } from "../parts/links";
import { NameInput } from "../parts/name-input";
import { useText } from "../text/text";

/** Registers the best model of an automated run. */
export function KeepModel({ run }: { run: RunRecord }) {
  const text = useText();
  return <AskingButton title={text("leaderboard.register")} dialog={(close) => <Register run={run} close={close} />} />;
}

function Register({ run, close }: { run: RunRecord; close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(run.experiment);
  const keep = useMutation({
    mutationFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/runs/{run}/leaderboard/model", {
          params: { path: { workspace, run: run.id } }, body: { name },
        }),
      ),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["assets", workspace, "model"] });
      void navigate(place.section(workspace, "models", made.name));
    },
  });
  return (
    <Asking title={text("leaderboard.register")} about={text("leaderboard.aboutRegistering")} act={keep} close={close}>
      <NameInput label={text("name")} value={name} onType={setName} data-autofocus />
    </Asking>
  );
}
