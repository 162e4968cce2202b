import { useRef, useState } from "react";
import { Button, FileButton, Group, Select, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { Asking } from "../parts/asking";
import { size } from "../parts/forms";
import { place } from "../parts/links";
import { NameInput } from "../parts/name-input";
import { useText } from "../text/text";
import { DECIMALS, dialectOf, ENCODINGS, SEPARATORS, type Dialect } from "./dialect";

type Chosen = { file: File; dialect: Dialect };
/** So much of a file tells how it is written. */
const BEGINNING = 64 * 1024;

async function looked(file: File): Promise<Chosen> {
  const beginning = await file.slice(0, BEGINNING).arrayBuffer();
  return { file, dialect: dialectOf(new Uint8Array(beginning)) };
}

/** Takes a table from this machine, and keeps it as a dataset. */
export function Upload() {
  const text = useText();
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const reset = useRef<() => void>(null);
  if (!useMay("contributor")) return null;
  return (
    <>
      <FileButton accept=".csv,.tsv,.txt,text/csv" onChange={(file) => file && void looked(file).then(setChosen)} resetRef={reset}>
        {(props) => <Button {...props}>{text("datasets.upload")}</Button>}
      </FileButton>
      {chosen && (
        <Keep
          {...chosen}
          close={() => {
            reset.current?.();
            setChosen(null);
          }}
        />
      )}
    </>
  );
}

function Keep({ file, dialect: found, close }: Chosen & { close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(nameFor(file.name));
  const [dialect, setDialect] = useState(found);
  const keep = useMutation({
    mutationFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/datasets/{name}/upload", {
          params: { path: { workspace, name }, query: dialect },
          body: file as unknown as string,
          bodySerializer: () => file,
          headers: { "Content-Type": "text/csv" },
        }),
      ),
    onSuccess: (made) => {
      void client.invalidateQueries({ queryKey: ["assets", workspace, "dataset"] });
      void navigate(place.section(workspace, "datasets", made.name));
    },
  });
  return (
    <Asking title={text("datasets.upload")} about={text("datasets.aboutUpload")} act={keep} close={close}>
      <Text size="sm">{file.name}, {size(file.size)}</Text>
      <NameInput label={text("name")} value={name} onType={setName} data-autofocus />
      <Group grow align="flex-end">
        <Select
          label={text("datasets.separator")} allowDeselect={false} value={dialect.separator}
          data={Object.entries(SEPARATORS).map(([value, key]) => ({ value, label: text(key) }))}
          onChange={(separator) => separator && setDialect({ ...dialect, separator })}
        />
        <Select
          label={text("datasets.decimal")} allowDeselect={false} value={dialect.decimal}
          data={Object.entries(DECIMALS).map(([value, key]) => ({ value, label: text(key) }))}
          onChange={(decimal) => decimal && setDialect({ ...dialect, decimal })}
        />
        <Select
          label={text("datasets.encoding")} allowDeselect={false} value={dialect.encoding}
          data={Object.entries(ENCODINGS).map(([value, label]) => ({ value, label }))}
          onChange={(encoding) => encoding && setDialect({ ...dialect, encoding })}
        />
      </Group>
    </Asking>
  );
}

/** A name for a dataset, made of that of a file. */
function nameFor(file: string): string {
  return file.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "") || "table";
}
