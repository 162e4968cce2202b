import { Text } from "@mantine/core";
import { useSearchParams } from "react-router";
import type { RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { size } from "../parts/forms";
import { Loaded } from "../parts/states";
import { useText } from "../text/text";
import { FileList } from "./file-list";
import { Plain } from "./files";
import { blobUrl, useSnapshot } from "./queries";

const MOST_BYTES = 1_000_000;

/** The source that the run was made from, as it was. */
export default function Source({ run }: { run: RunRecord }) {
  const text = useText();
  const workspace = useWorkspace();
  const snapshot = useSnapshot(workspace, run.id);
  const [search, setSearch] = useSearchParams();
  return (
    <Loaded from={snapshot}>
      {(files) => {
        const script = run.definition?.script;
        const chosen = search.get("file") ?? (typeof script === "string" ? script : null);
        const file = files.find(({ path }) => path === chosen);
        return (
          <FileList
            files={files.map(({ path, size: bytes }) => ({ name: path, detail: size(bytes) }))}
            chosen={chosen}
            choose={(name) => setSearch({ file: name }, { replace: true })}
          >
            {file && (file.size > MOST_BYTES
              ? <Text size="sm" c="dimmed">{text("files.tooLarge")}</Text>
              : <Plain url={blobUrl(workspace, file.digest)} name={file.path} />)}
          </FileList>
        );
      }}
    </Loaded>
  );
}
