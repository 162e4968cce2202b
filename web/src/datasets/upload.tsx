import { useRef, useState } from "react";
import { Button, FileButton, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { Asking } from "../parts/asking";
import { size } from "../parts/forms";
import { place } from "../parts/links";
import { useText } from "../text/text";

/** Takes a table from this machine, and keeps it as a dataset. */
export function Upload() {
  const text = useText();
  const [file, setFile] = useState<File | null>(null);
  const reset = useRef<() => void>(null);
  if (!useMay("contributor")) return null;
  return (
    <>
      <FileButton accept=".csv,.tsv,.txt,text/csv" onChange={setFile} resetRef={reset}>
        {(props) => <Button {...props}>{text("datasets.upload")}</Button>}
      </FileButton>
      {file && (
        <Keep
          file={file}
          close={() => {
            reset.current?.();
            setFile(null);
          }}
        />
      )}
    </>
  );
}

function Keep({ file, close }: { file: File; close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [name, setName] = useState(nameFor(file.name));
  const keep = useMutation({
    mutationFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/datasets/{name}/upload", {
          params: { path: { workspace, name } },
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
      <TextInput label={text("name")} required value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
    </Asking>
  );
}

/** A name for a dataset, made of that of a file. */
function nameFor(file: string): string {
  return file.replace(/\.[^.]*$/, "").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "") || "table";
}
