import { useRef, useState, type ReactNode } from "react";
import { Button, FileButton, Group, Radio, Select, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { useMay, useWorkspace } from "../api/session";
import { Dialog } from "../parts/dialog";
import { place, To } from "../parts/links";
import { NameInput } from "../parts/name-input";
import { Page } from "../parts/page";
import { Empty, ErrorBox, Loaded } from "../parts/states";
import { RowAct, Rows } from "../parts/table";
import { useTell } from "../parts/tell";
import { When } from "../parts/when";
import { usePublished } from "../pipelines/queries";
import { useText } from "../text/text";
import { completed, createDraft, deleteDraft, getDraft, useDrafts, useSamples, type Origin } from "./queries";
import { EMPTY, type Draft } from "./types";

/** The drafts of a workspace, and how to begin one. */
export default function Drafts() {
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  const drafts = useDrafts(workspace);
  const remove = useRemove();
  return (
    <Page title={text("designer.title")} actions={may && <Begin />}>
      <Loaded from={drafts}>
        {(all) =>
          all.length === 0
            ? <Empty title={text("designer.none")}><Text size="sm">{text("designer.first")}</Text></Empty>
            : (
              <Rows
                label={text("designer.title")} rows={all} id={({ name }) => name}
                columns={[
                  { key: "name", title: text("name"), cell: ({ name }) => <To to={place.section(workspace, "designer", name)}>{name}</To> },
                  { key: "version", title: text("version"), right: true, cell: ({ version }) => version },
                  { key: "changed", title: text("designer.changed"), right: true, cell: ({ created }) => <When time={created} /> },
                  { key: "user", title: text("run.user"), isMore: true, cell: ({ user }) => user ?? "–" },
                  {
                    key: "actions", title: "", right: true,
                    cell: ({ name }) => may && (
                      <RowAct said={text("run.delete")} about={name} act={() => remove(name)} />
                    ),
                  },
                ]}
              />
            )}
      </Loaded>
    </Page>
  );
}

/** Deletes a draft, and offers to make it again as it was. */
function useRemove() {
  const text = useText();
  const tell = useTell();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const renew = () => client.invalidateQueries({ queryKey: ["drafts", workspace] });
  return (name: string) => {
    const removed = async () => {
      const { draft } = await getDraft(workspace, name);
      await deleteDraft(workspace, name);
      await renew();
      tell.undoable(text("designer.deleted", { name }), () => {
        createDraft(workspace, name, draft).then(renew, tell.error);
      });
    };
    removed().catch(tell.error);
  };
}

type Way = "empty" | "published" | "file" | "sample";

function Begin() {
  const text = useText();
  const [way, setWay] = useState<Way | null>(null);
  const [imported, setImported] = useState<{ name: string; draft: Draft } | null>(null);
  const tell = useTell();
  const reset = useRef<() => void>(null);
  const read = (file: File | null) => {
    if (!file) return;
    void file.text().then(draftIn).then((draft) => {
      if (!draft) return tell.error(new Error(text("designer.noDraft", { name: file.name })));
      setImported({ name: file.name.replace(/\.[^.]*$/, ""), draft });
      setWay("file");
    });
    reset.current?.();
  };
  return (
    <>
      <FileButton accept="application/json,.json" onChange={read} resetRef={reset}>
        {(props) => <Button {...props} variant="default">{text("designer.import")}</Button>}
      </FileButton>
      <Button variant="default" onClick={() => setWay("sample")}>{text("designer.fromSample")}</Button>
      <Button variant="default" onClick={() => setWay("published")}>{text("designer.fromPublished")}</Button>
      <Button onClick={() => setWay("empty")}>{text("designer.new")}</Button>
      {way === "sample" && <FromSample close={() => setWay(null)} />}
      {way === "published" && <FromPublished close={() => setWay(null)} />}
      {way === "empty" && <Named initial="pipeline" draft={EMPTY} close={() => setWay(null)} />}
      {way === "file" && imported && <Named initial={imported.name} draft={imported.draft} close={() => setWay(null)} />}
    </>
  );
}

/** A draft in a file, or a pipeline's document alone. */
export function draftIn(content: string): Draft | null {
  try {
    const read = JSON.parse(content) as Partial<Draft> & { steps?: unknown };
    if (read.pipeline?.steps) return completed(read);
    return read.steps ? completed({ pipeline: read }) : null;
  } catch {
    return null;
  }
}

function Named({ initial, draft, close }: { initial: string; draft: Draft; close: () => void }) {
  const text = useText();
  const [name, setName] = useState(initial);
  return (
    <BeginDialog name={name} from={draft} title={text("designer.new")} close={close}>
      <NameInput label={text("name")} value={name} onType={setName} data-autofocus />
    </BeginDialog>
  );
}

function FromSample({ close }: { close: () => void }) {
  const text = useText();
  const samples = useSamples(useWorkspace());
  const [sample, setSample] = useState<string | null>(null);
  const [name, setName] = useState("");
  return (
    <BeginDialog name={name} from={{ source: { sample } }} title={text("designer.fromSample")} close={close}>
      <Loaded from={samples}>
        {(all) => (
          <Radio.Group
            label={text("designer.sample")} withAsterisk value={sample}
            onChange={(value) => {
              setSample(value);
              setName(value);
            }}
          >
            <Stack gap="xs" mt="xs">
              {all.map((each) => <Radio key={each.name} value={each.name} required label={each.name} description={each.description} />)}
            </Stack>
          </Radio.Group>
        )}
      </Loaded>
      <NameInput label={text("name")} value={name} onType={setName} />
    </BeginDialog>
  );
}

function FromPublished({ close }: { close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const [published, setPublished] = useState<string | null>(null);
  const [name, setName] = useState("");
  const all = usePublished(workspace);
  return (
    <BeginDialog name={name} from={{ source: { published } }} title={text("designer.fromPublished")} close={close}>
      <Select
        label={text("pipelines.title")} required value={published} searchable allowDeselect={false}
        data={[...new Set(all.data?.map((each) => each.name))]}
        onChange={(value) => {
          setPublished(value);
          if (value && !name) setName(value);
        }}
      />
      <NameInput label={text("name")} value={name} onType={setName} />
    </BeginDialog>
  );
}

type BeginProps = {
  name: string;
  from: Origin;
  title: string;
  close: () => void;
  children: ReactNode;
};

function BeginDialog({ name, from, title, close, children }: BeginProps) {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const begin = useMutation({
    mutationFn: () => createDraft(workspace, name, from),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["drafts", workspace] });
      void navigate(place.section(workspace, "designer", name));
    },
  });
  return (
    <Dialog close={close} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          begin.mutate();
        }}
      >
        <Stack>
          {children}
          {begin.error && <ErrorBox error={begin.error} />}
          <Group justify="flex-end"><Button type="submit" loading={begin.isPending}>{text("designer.create")}</Button></Group>
        </Stack>
      </form>
    </Dialog>
  );
}
