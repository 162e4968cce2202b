import { Anchor, Group, Image, Stack, Text } from "@mantine/core";
import { useSearchParams } from "react-router";
import { contentUrl, type RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { Code } from "../parts/code";
import { size } from "../parts/forms";
import { Loaded } from "../parts/states";
import { useText } from "../text/text";
import { FileList } from "./file-list";
import { pageUrl, partOf, useFiles, useText200k } from "./queries";

const IMAGES = /\.(png|jpe?g|gif|webp)$/i;
const PAGES = /\.html?$/i;
const TEXTS = /\.(txt|log|csv|tsv|json|jsonl|ya?ml|md|py|r|rmd|toml|ini|cfg|xml|sql|sh|out|err)$/i;

export default function Files({ run }: { run: RunRecord }) {
  const text = useText();
  const files = useFiles(useWorkspace(), run.id);
  const [search, setSearch] = useSearchParams();
  const chosen = search.get("file");
  return (
    <Loaded from={files}>
      {(all) => {
        if (all.length === 0) return <Text size="sm" c="dimmed">{text("files.none")}</Text>;
        const file = all.find(({ name }) => name === chosen);
        return (
          <FileList
            files={all.map(({ name, size: bytes }) => ({ name, detail: size(bytes) }))}
            chosen={chosen}
            choose={(name) => setSearch({ file: name }, { replace: true })}
          >
            {file && <Preview run={run} name={file.name} />}
          </FileList>
        );
      }}
    </Loaded>
  );
}

function Preview({ run, name }: { run: RunRecord; name: string }) {
  const text = useText();
  const workspace = useWorkspace();
  return (
    <Stack gap="xs" style={{ minWidth: 0 }}>
      <Group justify="space-between">
        <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>{name}</Text>
        <Anchor href={contentUrl(workspace, run.id, name)} download size="sm">{text("files.download")}</Anchor>
      </Group>
      <Content run={run} name={name} />
    </Stack>
  );
}

/** What a script wrote is shown, and never run: pages are in a frame without scripts and origin. */
function Content({ run, name }: { run: RunRecord; name: string }) {
  const text = useText();
  const workspace = useWorkspace();
  if (IMAGES.test(name)) {
    return <Image src={contentUrl(workspace, run.id, name, true)} alt={name} fit="contain" mah="70vh" className="panel" />;
  }
  if (PAGES.test(name)) {
    return (
      <iframe
        sandbox="" title={name} src={pageUrl(workspace, run.id, name)} className="panel"
        style={{ width: "100%", height: "70vh", background: "#fff" }}
      />
    );
  }
  if (TEXTS.test(name)) return <Plain url={partOf(workspace, run.id, name)} name={name} />;
  return <Text size="sm" c="dimmed">{text("files.noPreview")}</Text>;
}

export function Plain({ url, name }: { url: string; name: string }) {
  const content = useText200k(url);
  return <Loaded from={content}>{(code) => <Code code={code} label={name} maxHeight={640} />}</Loaded>;
}
