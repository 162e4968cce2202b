import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, got } from "../api/client";
import { useWorkspace } from "../api/session";
import { Asking, AskingButton } from "../parts/asking";
import type { Asset } from "../parts/assets";
import { place } from "../parts/links";
import { NameInput } from "../parts/name-input";
import { useText } from "../text/text";

/** Has a model's own predict() answer requests on the server's machine. */
export function Deploy({ asset }: { asset: Asset }) {
  const text = useText();
  return <AskingButton title={text("designer.deploy")} dialog={(close) => <Service asset={asset} close={close} />} />;
}

function Service({ asset, close }: { asset: Asset; close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(asset.name);
  const deploy = useMutation({
    mutationFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/services", {
          params: { path: { workspace } }, body: { name, model: `${asset.name}:${asset.version}`, overwrite: false },
        }),
      ),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["services", workspace] });
      void navigate(place.section(workspace, "services", made.name));
    },
  });
  return (
    <Asking title={text("designer.deploy")} about={text("models.aboutDeploying")} act={deploy} close={close}>
      <NameInput
        label={text("designer.service")} value={name} onType={setName} data-autofocus
      />
    </Asking>
  );
}
