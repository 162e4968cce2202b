import { useEffect, useMemo, useState } from "react";
import { Button, Group, Menu, Tabs, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { useHotkeys, useMediaQuery } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { useParams, useSearchParams } from "react-router";
import "@xyflow/react/dist/style.css";
import "./designer.css";
import { useLiveRun } from "../api/live";
import { useMay, useWorkspace } from "../api/session";
import { Icon, type IconName } from "../parts/icon";
import { place, To } from "../parts/links";
import { Loaded } from "../parts/states";
import { hasEnded } from "../parts/status";
import { useRun, useSteps } from "../run/queries";
import { useText, type Key, type Text as Texts } from "../text/text";
import { CanvasView, FIT, removeSelected } from "./canvas";
import { ConflictView } from "./conflict-view";
import { BatchDialog, DeployDialog } from "./inference";
import { CopyDialog, download, PublishDialog, ScriptDialog, VersionsDialog } from "./dialogs";
import { addComment, groupSteps, ungroupSteps } from "./edits";
import { arranged, freePlace } from "./layout";
import { Palette } from "./palette";
import { PipelineSettings } from "./pipeline-settings";
import { PreviewDialog } from "./preview";
import { Problems } from "./problems";
import { isConflict, putDraft, useCheck, useComponents, useDraftOf, type KeptDraft } from "./queries";
import { RunDialog } from "./run-dialog";
import { Saver, SaverContext, useSaving, type Phase } from "./saving";
import { ShownRun } from "./shown-run";
import { Several, StepSettings } from "./step-settings";
import { StepRun } from "./step-run";
import { CanvasStore, StoreContext, useCanvas, useDraft, useStore } from "./store";
import type { Components, Problem } from "./types";
import { useView, ViewContext, type View } from "./view";
import { problemText } from "./words";

/** A draft on the canvas. */
export default function Designer() {
  const workspace = useWorkspace();
  const { name = "" } = useParams();
  const components = useComponents(workspace);
  const draft = useDraftOf(workspace, name, components.data);
  return (
    <Loaded from={components}>
      {(known) => <Loaded from={draft}>{(kept) => <Opened key={name} name={name} kept={kept} components={known} />}</Loaded>}
    </Loaded>
  );
}

type OpenedProps = { name: string; kept: KeptDraft; components: Components };

function Opened({ name, kept, components }: OpenedProps) {
  const workspace = useWorkspace();
  const mayEdit = useMay("contributor");
  const client = useQueryClient();
  const [store] = useState(() => new CanvasStore(kept.draft));
  const [saver] = useState(
    () => new Saver(store, kept, { put: (draft, base) => putDraft(workspace, name, draft, base), isConflict }),
  );
  useEffect(() => {
    document.title = `${name} · tandemlab`;
  }, [name]);
  useEffect(() => {
    if (!mayEdit) return;
    const stop = saver.follow();
    const warn = (event: BeforeUnloadEvent) => {
      if (saver.isDirty()) event.preventDefault();
    };
    addEventListener("beforeunload", warn);
    return () => {
      removeEventListener("beforeunload", warn);
      stop();
      void client.invalidateQueries({ queryKey: ["drafts", workspace] });
    };
  }, [saver, mayEdit, client, workspace]);
  return (
    <StoreContext value={store}>
      <SaverContext value={saver}>
        <ReactFlowProvider>
          <Studio name={name} components={components} mayEdit={mayEdit} />
        </ReactFlowProvider>
      </SaverContext>
    </StoreContext>
  );
}

type Dialog = "run" | "script" | "publish" | "copy" | "versions" | "deploy" | "batch" | null;

/** A phone is for reading. */
const PHONE = "(max-width: 48em)";

function Studio({ name, components, mayEdit: isEditor }: { name: string; components: Components; mayEdit: boolean }) {
  const text = useText();
  const workspace = useWorkspace();
  const isPhone = useMediaQuery(PHONE, undefined, { getInitialValueInEffect: false });
  const mayEdit = isEditor && !isPhone;
  const store = useStore();
  const [search, setSearch] = useSearchParams();
  const run = search.get("run");
  const { pipeline } = useDraft();
  const check = useCheck(workspace, pipeline, run, isEditor);
  const states = useStates(workspace, run);
  const [previewed, setPreviewed] = useState<{ step: string; output: string } | null>(null);
  const [dialog, setDialog] = useState<Dialog>(null);
  const problems = useMemo(() => byStep(told(check.data?.problems ?? [], text)), [check.data, text]);
  const columns = check.data?.columns;
  const view = useMemo(
    (): View => ({
      components, problems, columns: columns ?? {}, states, run, mayEdit,
      preview: (step, output) => setPreviewed({ step, output }),
    }),
    [components, problems, columns, states, run, mayEdit],
  );
  useHotkeys([
    ["mod+Z", store.undo],
    ["mod+shift+Z", store.redo],
    ["mod+Y", store.redo],
  ]);
  const close = () => setDialog(null);
  const selected = useCanvas((state) => state.selected);
  const [until] = [...selected].filter((id) => id in pipeline.steps);
  return (
    <ViewContext value={view}>
      <div className="designer">
        <Bar name={name} open={setDialog} show={(id) => setSearch(id === null ? {} : { run: id }, { replace: true })} />
        {mayEdit && <Palette />}
        <div className="designer-middle">
          <CanvasView />
          <Problems />
        </div>
        <Inspector />
      </div>
      {dialog === "run" && (
        <RunDialog draft={name} until={until ?? null} started={(id) => setSearch({ run: id }, { replace: true })} close={close} />
      )}
      {dialog === "script" && <ScriptDialog draft={name} close={close} />}
      {dialog === "publish" && <PublishDialog draft={name} close={close} />}
      {dialog === "copy" && <CopyDialog draft={name} close={close} />}
      {dialog === "versions" && <VersionsDialog draft={name} close={close} />}
      {dialog === "deploy" && run !== null && <DeployDialog draft={name} run={run} close={close} />}
      {dialog === "batch" && run !== null && <BatchDialog draft={name} run={run} close={close} />}
      {previewed && run !== null && <PreviewDialog run={run} {...previewed} close={() => setPreviewed(null)} />}
      {run !== null && <Follow key={run} run={run} />}
      <ConflictView draft={name} />
    </ViewContext>
  );
}

const told = (problems: Problem[], text: Texts): Problem[] =>
  problems.map((each) => ({ ...each, message: problemText(text, each.message) }));

function byStep(problems: Problem[]): ReadonlyMap<string, Problem[]> {
  const found = new Map<string, Problem[]>();
  for (const problem of problems) {
    const step = problem.step ?? "";
    found.set(step, [...(found.get(step) ?? []), problem]);
  }
  return found;
}

/** How the steps of a run are doing. */
function useStates(workspace: string, run: string | null): View["states"] {
  const record = useRun(workspace, run);
  const steps = useSteps(workspace, run, !record.data || !hasEnded(record.data.status));
  return useMemo(() => new Map(steps.data?.map((step) => [step.name, step])), [steps.data]);
}

/** Keeps what is known of a run fresh as long as it goes on. */
function Follow({ run }: { run: string }) {
  useLiveRun(useWorkspace(), run);
  return null;
}

/** What is done with the draft as a whole. */
function Bar({ name, open, show }: { name: string; open: (dialog: Dialog) => void; show: (run: string | null) => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const store = useStore();
  const flow = useReactFlow();
  const { mayEdit, components } = useView();
  const canUndo = useCanvas(({ history }) => history.past.length > 0);
  const canRedo = useCanvas(({ history }) => history.future.length > 0);
  return (
    <Group className="designer-bar" gap="xs" justify="space-between" wrap="nowrap">
      <Group gap="xs" wrap="nowrap" style={{ minWidth: 0 }}>
        <To to={place.section(workspace, "designer")}>{text("designer.title")}</To>
        <Text c="dimmed" aria-hidden="true">/</Text>
        <h1 className="designer-name truncated">{name}</h1>
        {mayEdit && <SavingState />}
      </Group>
      <Group gap={6} wrap="nowrap">
        <ShownRun draft={name} show={show} />
        {mayEdit && (
          <Group gap={6} wrap="nowrap" visibleFrom="sm">
            <Tool icon="undo" title="undo" isOff={!canUndo} act={store.undo} />
            <Tool icon="redo" title="designer.redo" isOff={!canRedo} act={store.redo} />
            <Tool
              icon="graph" title="designer.arrange"
              act={() => {
                store.edit((draft) => arranged(draft, components));
                requestAnimationFrame(() => void flow.fitView(FIT));
              }}
            />
            <Tool icon="note" title="designer.addComment" act={() => store.edit((draft) => addComment(draft, freePlace(draft)))} />
            <Button size="xs" leftSection={<Icon name="play" size={12} />} onClick={() => open("run")}>{text("pipelines.run")}</Button>
          </Group>
        )}
        <More open={open} name={name} />
      </Group>
    </Group>
  );
}

function Tool({ icon, title, isOff = false, act }: { icon: IconName; title: Key; isOff?: boolean; act: () => void }) {
  const text = useText();
  return (
    <Tooltip label={text(title)}>
      <UnstyledButton className="tool" aria-label={text(title)} aria-disabled={isOff} onClick={() => !isOff && act()}>
        <Icon name={icon} size={16} />
      </UnstyledButton>
    </Tooltip>
  );
}

function More({ open, name }: { open: (dialog: Dialog) => void; name: string }) {
  const text = useText();
  const store = useStore();
  const { mayEdit, run } = useView();
  const isTrained = useRun(useWorkspace(), run).data?.status === "Completed";
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button size="xs" variant="default" aria-label={text("run.more")}><Icon name="more" /></Button>
      </Menu.Target>
      <Menu.Dropdown>
        {mayEdit && <Menu.Item onClick={() => open("publish")}>{text("designer.publish")}</Menu.Item>}
        {mayEdit && isTrained && <Menu.Item onClick={() => open("deploy")}>{text("designer.deploy")}</Menu.Item>}
        {mayEdit && isTrained && <Menu.Item onClick={() => open("batch")}>{text("designer.batch")}</Menu.Item>}
        {mayEdit && <Menu.Item onClick={() => open("copy")}>{text("designer.clone")}</Menu.Item>}
        <Menu.Item onClick={() => open("versions")}>{text("designer.versions")}</Menu.Item>
        <Menu.Divider />
        {mayEdit && <Menu.Item onClick={() => open("script")}>{text("designer.script")}</Menu.Item>}
        <Menu.Item onClick={() => download(`${name}.json`, `${JSON.stringify(store.draft(), null, 2)}\n`)}>
          {text("designer.exportJson")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const PHASES: Record<Phase, Key> = {
  kept: "designer.kept", waiting: "designer.saving", saving: "designer.saving", failed: "designer.notSaved", conflict: "designer.notSaved",
};

function SavingState() {
  const text = useText();
  const { phase, version, error } = useSaving();
  return (
    <Text size="xs" c={error ? "var(--mantine-color-error)" : "dimmed"} role="status" className="truncated" title={error?.message ?? ""}>
      {text(PHASES[phase], { version })}
    </Text>
  );
}

/** What is selected, or the pipeline as a whole. */
function Inspector() {
  const text = useText();
  const store = useStore();
  const { pipeline } = useDraft();
  const { run } = useView();
  const selected = useCanvas((state) => state.selected);
  const [tab, setTab] = useState<string | null>("settings");
  const names = [...selected].filter((id) => id in pipeline.steps);
  const [only] = names;
  const step = only === undefined ? undefined : pipeline.steps[only];
  return (
    <section className="inspector" aria-label={text("designer.settings")} tabIndex={0}>
      {names.length > 1 && (
        <Several
          names={names} remove={() => removeSelected(store)}
          group={() => store.edit((draft) => groupSteps(draft, names, text("designer.group")))}
          ungroup={() => store.edit((draft) => ungroupSteps(draft, names))}
        />
      )}
      {names.length === 0 && <PipelineSettings />}
      {names.length === 1 && only !== undefined && step && (run === null
        ? <StepSettings name={only} step={step} />
        : (
          <Tabs value={tab} onChange={setTab} keepMounted={false}>
            <Tabs.List mb="sm">
              <Tabs.Tab value="settings">{text("designer.settings")}</Tabs.Tab>
              <Tabs.Tab value="run">{text("run")}</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="settings"><StepSettings name={only} step={step} /></Tabs.Panel>
            <Tabs.Panel value="run"><StepRun name={only} step={step} /></Tabs.Panel>
          </Tabs>
        ))}
    </section>
  );
}
