import { SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useParams } from "react-router";
import { useWorkspace } from "../api/session";
import { AssetPage } from "../parts/asset-pages";
import type { Asset } from "../parts/assets";
import { BothLanguages, Code } from "../parts/code";
import { shown, size } from "../parts/forms";
import { Rows } from "../parts/table";
import { Pairs } from "../run/overview";
import { useText } from "../text/text";
import { Deploy } from "./deploy";

export default function ModelPage() {
  const { name = "" } = useParams();
  return (
    <AssetPage kind="model" name={name}>
      {(asset) => <Content asset={asset} />}
    </AssetPage>
  );
}

type Part = { kind?: string; columns?: { name: string; type: string; nullable?: boolean }[] };

function Content({ asset }: { asset: Asset }) {
  const text = useText();
  const { definition = {}, files } = asset;
  const signature = (definition.signature ?? {}) as { inputs?: Part; outputs?: Part };
  return (
    <>
      <Deploy asset={asset} />
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Stack className="panel" p="md" gap="xs" component="section">
          <Title order={2}>{text("run.about")}</Title>
          <Pairs
            pairs={[
              [text("models.format"), shown(definition.format)],
              [text("models.framework"), [definition.framework, definition.framework_version].filter(Boolean).map(shown).join(" ") || "–"],
            ]}
          />
        </Stack>
        <Use asset={asset} />
      </SimpleGrid>
      <Signature title={text("models.takes")} part={signature.inputs} />
      <Signature title={text("models.gives")} part={signature.outputs} />
      {definition.sample_input !== undefined && definition.sample_input !== null && (
        <Stack gap="xs" component="section">
          <Title order={2}>{text("models.sample")}</Title>
          <Code code={JSON.stringify(definition.sample_input, null, 2)} label={text("models.sample")} maxHeight={240} />
        </Stack>
      )}
      <Stack gap="xs" component="section">
        <Title order={2}>{text("run.files")}</Title>
        <Rows
          label={text("run.files")} rows={files} id={({ name }) => name}
          columns={[
            { key: "name", title: text("name"), cell: ({ name }) => name },
            { key: "size", title: text("datasets.size"), right: true, cell: ({ size: bytes }) => size(bytes) },
          ]}
        />
      </Stack>
    </>
  );
}

function Signature({ title, part }: { title: string; part: Part | undefined }) {
  const text = useText();
  if (!part?.columns) return null;
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{title}</Title>
      <Rows
        label={title} rows={part.columns} id={({ name }) => name}
        columns={[
          { key: "name", title: text("name"), cell: ({ name }) => name },
          { key: "type", title: text("run.type"), cell: ({ type, nullable }) => <>{type} {nullable && <Text span size="xs" c="dimmed">{text("models.optional")}</Text>}</> },
        ]}
      />
    </Stack>
  );
}

function Use({ asset: { name, version } }: { asset: Asset }) {
  const text = useText();
  const url = `${location.origin}/${encodeURIComponent(useWorkspace())}`;
  return (
    <Stack className="panel" p="md" gap="xs" component="section" style={{ minWidth: 0 }}>
      <Title order={2}>{text("models.use")}</Title>
      <BothLanguages
        python={`from tandemlab import Model, Workspace

model = Model(Workspace.open("${url}"), "${name}", version=${version})
model.download("models")`}
        r={`library(tandemlab)

model <- get_model(get_workspace("${url}"), "${name}", version = ${version})
download_model(model, "models")`}
        shell={`tandemlab model serve ${name}:${version}`}
      />
    </Stack>
  );
}
