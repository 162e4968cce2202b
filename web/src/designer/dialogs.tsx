import { lazy, Suspense, useState } from "react";
import { Button, Group, Loader, SegmentedControl, Stack, Text, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { useWorkspace } from "../api/session";
import { Copy } from "../parts/code";
import { Dialog } from "../parts/dialog";
import { place, To } from "../parts/links";
import { NameInput } from "../parts/name-input";
import { ErrorBox, Loaded } from "../parts/states";
import { RowAct, Rows } from "../parts/table";
import { useTell } from "../parts/tell";
import { When } from "../parts/when";
import { NewSchedule } from "../schedules/new-schedule";
import { useText } from "../text/text";
import { createDraft, getDraft, publishDraft, useDraftVersions, useScript, type Language } from "./queries";
import { placed } from "./layout";
import { useSaver, useSaving } from "./saving";
import { useDraft, useStore } from "./store";
import { useView } from "./view";

const Editor = lazy(() => import("../parts/editor"));

type Props = { draft: string; close: () => void };

/** The pipeline as a script that builds it. */
export function ScriptDialog({ draft: name, close }: Props) {
  const text = useText();
  const { pipeline } = useDraft();
  const [language, setLanguage] = useState<Language>("python");
  const script = useScript(useWorkspace(), pipeline, language);
  return (
    <Dialog close={close} size="60rem" title={text("designer.script")}>
      <Stack gap="sm">
        <Group justify="space-between">
          <SegmentedControl
            size="xs" aria-label={text("code.language")} value={language} onChange={setLanguage}
            data={[{ value: "python", label: "Python" }, { value: "r", label: "R" }]}
          />
          {script.data && (
            <Group gap="xs">
              <Copy value={script.data.text} />
              <Button size="xs" variant="default" onClick={() => download(`${name}.${language === "r" ? "R" : "py"}`, script.data.text)}>
                {text("files.download")}
              </Button>
            </Group>
          )}
        </Group>
        <Loaded from={script}>
          {(made) => (
            <Suspense fallback={<Loader size="sm" />}>
              <Editor key={language} label={text("designer.script")} language={language} value={made.text} maxHeight="65vh" />
            </Suspense>
          )}
        </Loaded>
      </Stack>
    </Dialog>
  );
}

/** Has the browser keep a text as a file. */
export function download(name: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}

export function PublishDialog({ draft, close }: Props) {
  const text = useText();
  const workspace = useWorkspace();
  const saver = useSaver();
  const client = useQueryClient();
  const { pipeline } = useDraft();
  const [name, setName] = useState(pipeline.name ?? draft);
  const [description, setDescription] = useState(pipeline.description ?? "");
  const [schedules, setSchedules] = useState(false);
  const publish = useMutation({
    mutationFn: async () => publishDraft(workspace, draft, { version: await saver.flush(), name, description: description || null }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["pipelines", workspace] }),
  });
  if (schedules && publish.data) return <NewSchedule pipeline={publish.data.name} close={close} />;
  return (
    <Dialog close={close} title={text("designer.publish")}>
      {publish.data
        ? (
          <Stack>
            <Text size="sm">{text("designer.published", { name: publish.data.name, version: publish.data.version })}</Text>
            <Group>
              <To to={place.section(workspace, "pipelines")}>{text("pipelines.title")}</To>
              <Button size="xs" variant="default" onClick={() => setSchedules(true)}>{text("designer.schedule")}</Button>
            </Group>
          </Stack>
        )
        : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              publish.mutate();
            }}
          >
            <Stack>
              <Text size="sm" c="dimmed">{text("designer.aboutPublishing")}</Text>
              <NameInput label={text("name")} value={name} onType={setName} data-autofocus />
              <Textarea label={text("run.description")} value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
              {publish.error && <ErrorBox error={publish.error} />}
              <Group justify="flex-end"><Button type="submit" loading={publish.isPending}>{text("designer.publish")}</Button></Group>
            </Stack>
          </form>
        )}
    </Dialog>
  );
}

/** Asks for a name, and keeps what is on the canvas under it, too. */
export function CopyDialog({ draft: name, close }: Props) {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const client = useQueryClient();
  const draft = useDraft();
  const [typed, setTyped] = useState(`${name}-2`);
  const copy = useMutation({
    mutationFn: () => createDraft(workspace, typed, draft),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["drafts", workspace] });
      void navigate(place.section(workspace, "designer", typed));
      close();
    },
  });
  return (
    <Dialog close={close} title={text("designer.clone")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          copy.mutate();
        }}
      >
        <Stack>
          <NameInput label={text("name")} value={typed} onType={setTyped} data-autofocus />
          {copy.error && <ErrorBox error={copy.error} />}
          <Group justify="flex-end"><Button type="submit" loading={copy.isPending}>{text("designer.clone")}</Button></Group>
        </Stack>
      </form>
    </Dialog>
  );
}

/** Earlier versions, which can be brought back: that makes a new one. */
export function VersionsDialog({ draft: name, close }: Props) {
  const text = useText();
  const tell = useTell();
  const workspace = useWorkspace();
  const store = useStore();
  const { version: present } = useSaving();
  const { components, mayEdit } = useView();
  const versions = useDraftVersions(workspace, name);
  const restore = useMutation({
    mutationFn: (version: number) => getDraft(workspace, name, version),
    onSuccess: ({ version, draft }) => {
      store.edit(() => placed(draft, components));
      tell.done(text("designer.restored", { version }));
      close();
    },
    onError: tell.error,
  });
  return (
    <Dialog close={close} size="lg" title={text("designer.versions")}>
      <Loaded from={versions}>
        {(all) => (
          <Rows
            label={text("designer.versions")} rows={all} id={({ version }) => String(version)}
            columns={[
              { key: "version", title: text("version"), right: true, cell: ({ version }) => version },
              { key: "created", title: text("created"), cell: ({ created }) => <When time={created} /> },
              { key: "user", title: text("run.user"), isMore: true, cell: ({ user }) => user ?? "–" },
              {
                key: "restore", title: "", right: true,
                cell: ({ version }) => mayEdit && version !== present && (
                  <RowAct said={text("designer.restore")} about={String(version)} act={() => restore.mutate(version)} />
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Dialog>
  );
}
