import { useState } from "react";
import { Group, MultiSelect, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { useWorkspace } from "../api/session";
import { Asking } from "../parts/asking";
import { useAssets } from "../parts/assets";
import { More } from "../parts/more";
import { NameInput } from "../parts/name-input";
import { given, ParameterFields } from "../parts/parameters";
import { useTell } from "../parts/tell";
import { usePublished } from "../pipelines/queries";
import { useText } from "../text/text";
import { useNextTimes, useSchedules } from "./queries";
import {
  begun, CATCH_UPS, FREQUENCIES, isByCalendar, limitsOf, OVERLAPS, timingOf, triggerOf, WAYS, WEEK_DAYS, type Typed,
} from "./trigger";
import { dayName } from "./words";

type Part = { typed: Typed; type: (change: Partial<Typed>) => void };

/** Asks what runs when, and has it run by itself from now on. */
export function NewSchedule({ pipeline, close }: { pipeline?: string; close: () => void }) {
  const text = useText();
  const tell = useTell();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const published = usePublished(workspace);
  const [name, setName] = useState(pipeline ? `${pipeline}-schedule` : "");
  const [chosen, setChosen] = useState<string | null>(pipeline ?? null);
  const [typed, setTyped] = useState(() => begun(Intl.DateTimeFormat().resolvedOptions().timeZone));
  const [values, setValues] = useState<Record<string, string>>({});
  const versions = published.data?.filter((each) => each.name === chosen) ?? [];
  const parameters = (versions.find((each) => each.is_default) ?? versions[0])?.parameters ?? {};
  const type = (change: Partial<Typed>) => setTyped((old) => ({ ...old, ...change }));
  const make = useMutation({
    mutationFn: () =>
      api.POST("/api/v1/workspaces/{workspace}/schedules", {
        params: { path: { workspace } },
        body: {
          name, pipeline: chosen ?? "", pipeline_parameters: given(values, parameters), after_status: "Completed",
          settle_seconds: 5, catch_up: typed.catchUp, overlap: typed.overlap, tags: {}, exist_ok: false, ...limitsOf(typed), ...triggerOf(typed),
        },
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["schedules", workspace] });
      tell.done(text("schedules.made", { name }));
      close();
    },
  });
  return (
    <Asking title={text("schedules.new")} about={text("schedules.about")} act={make} close={close}>
      <NameInput label={text("name")} value={name} onType={setName} data-autofocus />
      <Select
        label={text("notifications.pipeline")} required searchable allowDeselect={false} value={chosen} readOnly={pipeline !== undefined}
        data={[...new Set(published.data?.map((each) => each.name) ?? [])]}
        onChange={(value) => {
          setChosen(value);
          setValues({});
        }}
      />
      <Select
        label={text("schedules.trigger")} allowDeselect={false} value={typed.way} onChange={(way) => way && type({ way })}
        data={WAYS.map((value) => ({ value, label: text(`schedules.by.${value}`) }))}
      />
      {typed.way === "time" && <ByTime typed={typed} type={type} />}
      {typed.way === "dataset" && <OnDataset typed={typed} type={type} />}
      {typed.way === "files" && <OnFiles typed={typed} type={type} />}
      {typed.way === "after" && <AfterOthers typed={typed} type={type} />}
      {typed.way === "time" && <NextTimes typed={typed} />}
      <ParameterFields parameters={parameters} typed={values} type={(key, value) => setValues((old) => ({ ...old, [key]: value }))} />
      <More>
        <Limits typed={typed} type={type} />
        <Policies typed={typed} type={type} />
      </More>
    </Asking>
  );
}

function ByTime({ typed, type }: Part) {
  const text = useText();
  const { frequency } = typed;
  return (
    <>
      <Group grow align="flex-end">
        <Select
          label={text("schedules.every")} allowDeselect={false} value={frequency} onChange={(value) => value && type({ frequency: value })}
          data={FREQUENCIES.map((value) => ({ value, label: text(`schedules.every.${value}`) }))}
        />
        {frequency === "cron"
          ? <TextInput label={text("schedules.cron")} required placeholder="30 6 * * MON-FRI" value={typed.cron} onChange={(event) => type({ cron: event.currentTarget.value })} />
          : <TextInput label={text("schedules.interval")} required inputMode="numeric" pattern="[1-9][0-9]*" value={typed.interval} onChange={(event) => type({ interval: event.currentTarget.value })} />}
      </Group>
      {frequency === "Week" && (
        <MultiSelect
          label={text("schedules.weekDays")} value={typed.weekDays} onChange={(weekDays) => type({ weekDays })}
          data={WEEK_DAYS.map((value, index) => ({ value, label: dayName(text.region, index) }))}
        />
      )}
      <Group grow align="flex-end">
        {isByCalendar(frequency) && <TextInput type="time" label={text("schedules.timeOfDay")} value={typed.timeOfDay} onChange={(event) => type({ timeOfDay: event.currentTarget.value })} />}
        <Select
          label={text("schedules.timeZone")} searchable allowDeselect={false} limit={50} value={typed.timeZone}
          data={timeZones(typed.timeZone)} onChange={(timeZone) => timeZone && type({ timeZone })}
        />
      </Group>
    </>
  );
}

/** Nothing fires outside of these. */
function Limits({ typed, type }: Part) {
  const text = useText();
  return (["start", "end"] as const).map((key) => (
    <TextInput
      key={key} type="datetime-local" label={text(`schedules.${key}`)} value={typed[key]}
      onChange={(event) => type({ [key]: event.currentTarget.value })}
    />
  ));
}

/** What becomes of firings that meet an earlier run, or were missed. */
function Policies({ typed, type }: Part) {
  const text = useText();
  return (
    <Group grow align="flex-end">
      <Select
        label={text("schedules.overlap")} allowDeselect={false} value={typed.overlap} onChange={(overlap) => overlap && type({ overlap })}
        data={OVERLAPS.map((value) => ({ value, label: text(`schedules.overlap.${value}`) }))}
      />
      {typed.way === "time" && (
        <Select
          label={text("schedules.catchUp")} allowDeselect={false} value={typed.catchUp} onChange={(catchUp) => catchUp && type({ catchUp })}
          data={CATCH_UPS.map((value) => ({ value, label: text(`schedules.catchUp.${value}`) }))}
        />
      )}
    </Group>
  );
}

function timeZones(own: string): string[] {
  return [...new Set(["UTC", own, ...Intl.supportedValuesOf("timeZone")])];
}

/** The next three times, or why there are none. */
function NextTimes({ typed }: { typed: Typed }) {
  const text = useText();
  const [timing] = useDebouncedValue(timingOf(typed), 250);
  const next = useNextTimes(timing);
  if (timing === null) return null;
  if (next.error) return <Text size="sm" c="var(--mantine-color-error)" role="status">{next.error.message}</Text>;
  const shown = new Intl.DateTimeFormat(text.region, { dateStyle: "full", timeStyle: "short", timeZone: typed.timeZone });
  return (
    <div role="status">
      <Text size="sm" c="dimmed">{text(next.data?.length === 0 ? "schedules.never" : "schedules.next")}</Text>
      {next.data?.map((time) => <Text key={time} size="sm">{shown.format(new Date(time))}</Text>)}
    </div>
  );
}

function OnDataset({ typed, type }: Part) {
  const text = useText();
  const datasets = useAssets(useWorkspace(), "dataset");
  return (
    <Select
      label={text("lineage.dataset")} required searchable value={typed.dataset} onChange={(dataset) => type({ dataset })}
      data={datasets.data?.map((each) => each.name) ?? []}
    />
  );
}

function OnFiles({ typed, type }: Part) {
  const text = useText();
  const datastores = useAssets(useWorkspace(), "datastore");
  return (
    <>
      <Select
        label={text("schedules.datastore")} required searchable value={typed.datastore} onChange={(datastore) => type({ datastore })}
        data={datastores.data?.map((each) => each.name) ?? []}
      />
      <TextInput label={text("schedules.path")} placeholder="incoming/*.csv" value={typed.path} onChange={(event) => type({ path: event.currentTarget.value })} />
    </>
  );
}

function AfterOthers({ typed, type }: Part) {
  const text = useText();
  const workspace = useWorkspace();
  const published = usePublished(workspace);
  const schedules = useSchedules(workspace);
  const pipelines = [...new Set(published.data?.map((each) => each.name) ?? [])];
  return (
    <Group grow align="flex-end">
      <Select
        label={text("schedules.by.after")} required searchable value={typed.after} onChange={(after) => type({ after })}
        data={[
          { group: text("pipelines.title"), items: pipelines.map((each) => ({ value: `pipeline ${each}`, label: each })) },
          { group: text("schedules.title"), items: (schedules.data ?? []).map((each) => ({ value: `schedule ${each.name}`, label: each.name })) },
        ]}
      />
      <Select
        label={text("schedules.endedAs")} allowDeselect={false} value={typed.afterStatus} onChange={(value) => value && type({ afterStatus: value })}
        data={[
          { value: "Completed", label: text("status.Completed") },
          { value: "Failed", label: text("status.Failed") },
          { value: "any", label: text("schedules.anyStatus") },
        ]}
      />
    </Group>
  );
}
