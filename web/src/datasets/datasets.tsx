import { Text } from "@mantine/core";
import { useWorkspace } from "../api/session";
import { AssetTable } from "../parts/asset-pages";
import { useAssets } from "../parts/assets";
import { BothLanguages } from "../parts/code";
import { size } from "../parts/forms";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { useText } from "../text/text";
import { Upload } from "./upload";

export default function Datasets() {
  const text = useText();
  const workspace = useWorkspace();
  const datasets = useAssets(workspace, "dataset");
  const url = `${location.origin}/${encodeURIComponent(workspace)}`;
  return (
    <Page title={text("datasets.title")} actions={<Upload />}>
      <Loaded from={datasets}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={text("datasets.none")}>
              <Text size="sm">{text("datasets.first")}</Text>
              <BothLanguages
                python={`from tandemlab import Dataset, Workspace

cars = Dataset.Tabular.from_delimited_files("cars.csv")
cars.register(Workspace.open("${url}"), "cars")`}
                r={`library(tandemlab)

cars <- create_tabular_dataset_from_delimited_files("cars.csv")
register_dataset(get_workspace("${url}"), cars, "cars")`}
                shell={`tandemlab data register cars.csv --name cars --workspace ${url}`}
              />
            </Empty>
          ) : (
            <AssetTable
              section="datasets" label={text("datasets.title")} assets={all}
              columns={[
                { key: "files", title: text("run.files"), right: true, cell: ({ definition }) => dataOf(definition).files ?? "–" },
                { key: "size", title: text("datasets.size"), right: true, cell: ({ definition }) => sizeOf(definition) },
              ]}
            />
          )}
      </Loaded>
    </Page>
  );
}

type Data = { files?: number; size?: number };

function dataOf(definition: Record<string, unknown> | undefined): Data {
  return (definition?.data ?? {});
}

function sizeOf(definition: Record<string, unknown> | undefined): string {
  const bytes = dataOf(definition).size;
  return bytes === undefined ? "–" : size(bytes);
}
