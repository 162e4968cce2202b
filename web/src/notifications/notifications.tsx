import { useState } from "react";
import { Stack, Text, Title } from "@mantine/core";
import { useMay } from "../api/session";
import { AskingButton } from "../parts/asking";
import { Confirmed } from "../parts/confirmed";
import { ToRun } from "../parts/links";
import { Listed } from "../parts/listed";
import { Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { RowAct, RowActs, Rows, Working } from "../parts/table";
import { When } from "../parts/when";
import { useText, type Key, type Text as Texts } from "../text/text";
import { NewNotification } from "./new-notification";
import { useDeliveries, useNotificationActs, useNotifications, type Notification } from "./queries";

/** Who is told of what has ended, and whether it has arrived. */
export default function Notifications() {
  const text = useText();
  const may = useMay("contributor");
  const notifications = useNotifications();
  const [shown, setShown] = useState<string | null>(null);
  return (
    <Page
      title={text("notifications.title")}
      actions={<AskingButton title={text("notifications.new")} dialog={(close) => <NewNotification close={close} />} />}
    >
      <Listed from={notifications} section="notifications" code="tandemlab notification create --help">
        {(all) => (
          <Rows
            label={text("notifications.title")} rows={all} id={({ name }) => name}
            columns={[
              { key: "name", title: text("name"), cell: (each) => <Working {...each} /> },
              { key: "channel", title: text("notifications.channel"), cell: ({ channel }) => channelOf(text, channel) },
              { key: "on", title: text("notifications.on"), cell: (each) => aboutOf(text, each) },
              { key: "actions", title: "", right: true, cell: (each) => <Actions notification={each} may={may} show={() => setShown(each.name)} /> },
            ]}
          />
        )}
      </Listed>
      {notifications.data?.some(({ name }) => name === shown) && shown !== null && <Deliveries name={shown} />}
    </Page>
  );
}

/** The way, and where it leads to. */
function channelOf(text: Texts, channel: Record<string, unknown>): string {
  const { kind, url, url_secret, recipients, command } = channel as Partial<Record<string, string>> & { recipients?: string[] };
  if (kind === "email") return `${text("notifications.email")}: ${(recipients ?? []).join(", ")}`;
  if (kind === "command") return `${text("notifications.command")}: ${command ?? ""}`;
  return `${text("notifications.webhook")}: ${url ?? text("notifications.ofSecret", { name: url_secret ?? "" })}`;
}

function aboutOf(text: Texts, { on, experiment, pipeline, schedule }: Notification): string {
  const scopes = [
    [text("runs.experiment"), experiment],
    [text("notifications.pipeline"), pipeline],
    [text("schedules.schedule"), schedule],
  ];
  const named = scopes.filter(([, name]) => name).map(([what, name]) => `${what} ${name}`);
  return [...on.map((status) => text(`status.${status}` as Key)), ...named].join(", ");
}

function Actions({ notification, may, show }: { notification: Notification; may: boolean; show: () => void }) {
  const text = useText();
  const { name } = notification;
  const { isPaused, toggle, remove, test } = useNotificationActs(notification);
  return (
    <RowActs>
      <RowAct said={text("schedules.history")} about={name} act={show} />
      {may && (
        <>
          <RowAct said={text("notifications.test")} about={name} isBusy={test.isPending} act={() => test.mutate()} />
          <RowAct said={text(isPaused ? "schedules.resume" : "schedules.pause")} about={name} isBusy={toggle.isPending} act={() => toggle.mutate()} />
          <Confirmed said={text("run.delete")} about={name} act={() => remove.mutate()} />
        </>
      )}
    </RowActs>
  );
}

const STATES: Record<string, Key> = { ended: "notifications.delivered", skipped: "notifications.skipped", failed: "status.Failed" };

function Deliveries({ name }: { name: string }) {
  const text = useText();
  const deliveries = useDeliveries(name);
  const title = `${text("schedules.history")}: ${name}`;
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{title}</Title>
      <Loaded from={deliveries}>
        {(all) =>
          all.length === 0 ? <Text size="sm" c="dimmed">{text("notifications.nothingTold")}</Text> : (
            <Rows
              label={title} rows={all} id={({ slot }) => slot}
              columns={[
                { key: "due", title: text("schedules.due"), cell: ({ due }) => <When time={due} /> },
                {
                  key: "state", title: text("status"),
                  cell: ({ state, reason }) => <div>{text(STATES[state] ?? "notifications.underway")}{reason && <Text size="xs" c="dimmed">{reason}</Text>}</div>,
                },
                { key: "run", title: text("run"), cell: ({ run_id }) => run_id ? <ToRun run={run_id}>{run_id}</ToRun> : "–" },
              ]}
            />
          )}
      </Loaded>
    </Stack>
  );
}
