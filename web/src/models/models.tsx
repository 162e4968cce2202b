import { Text } from "@mantine/core";
import { useWorkspace } from "../api/session";
import { AssetTable } from "../parts/asset-pages";
import { useAssets } from "../parts/assets";
import { BothLanguages } from "../parts/code";
import { shown } from "../parts/forms";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { useText } from "../text/text";

export default function Models() {
  const text = useText();
  const workspace = useWorkspace();
  const models = useAssets(workspace, "model");
  const url = `${location.origin}/${encodeURIComponent(workspace)}`;
  return (
    <Page title={text("models.title")}>
      <Loaded from={models}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={text("models.none")}>
              <Text size="sm">{text("models.first")}</Text>
              <BothLanguages
                python={`from tandemlab import Model, Workspace

Model.register(Workspace.open("${url}"), "model.pkl", "churn")`}
                r={`library(tandemlab)

register_model(get_workspace("${url}"), "model.rds", "churn")`}
                shell={`tandemlab model register churn model.pkl --workspace ${url}`}
              />
            </Empty>
          ) : (
            <AssetTable
              section="models" label={text("models.title")} assets={all}
              columns={[
                { key: "format", title: text("models.format"), cell: ({ definition }) => shown(definition?.format) },
                { key: "framework", title: text("models.framework"), isMore: true, cell: ({ definition }) => shown(definition?.framework) },
                { key: "aliases", title: text("models.aliases"), cell: ({ aliases }) => aliases.join(", ") || "–" },
              ]}
            />
          )}
      </Loaded>
    </Page>
  );
}
