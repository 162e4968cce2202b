import { useState } from "react";
import { Badge, Button, Stack, Text, Title } from "@mantine/core";
import { useMay } from "../api/session";
import { AskingButton } from "../parts/asking";
import { Code } from "../parts/code";
import { Confirmed } from "../parts/confirmed";
import { ToRun } from "../parts/links";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { RowActs, Rows } from "../parts/table";
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
      <Loaded from={notifications}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={text("notifications.none")}>
              <Text size="sm">{text("notifications.first")}</Text>
              <Code code="tandemlab notification create --help" label={text("code.shell")} />
            </Empty>
          ) : (
            <Rows
              label={text("notifications.title")} rows={all} id={({ name }) => name}
              columns={[
                {
                  key: "name", title: text("name"),
                  cell: ({ name, description }) => <div>{name}{description && <Text size="xs" c="dimmed">{description}</Text>}</div>,
                },
                { key: "status", title: text("status"), cell: ({ status }) => <State status={status} /> },
                { key: "channel", title: text("notifications.channel"), cell: ({ channel }) => channelOf(text, channel) },
                { key: "on", title: text("notifications.on"), cell: (each) => aboutOf(text, each) },
                { key: "actions", title: "", right: true, cell: (each) => <Actions notification={each} may={may} show={() => setShown(each.name)} /> },
              ]}
            />
          )}
      </Loaded>
      {notifications.data?.some(({ name }) => name === shown) && shown !== null && <Deliveries name={shown} />}
    </Page>
  );
}

function State({ status }: { status: string }) {
  const text = useText();
  const key = status === "Paused" ? "notifications.paused" : "notifications.active";
  return <Badge className="badge" variant="default" radius="sm" tt="none">{text(key)}</Badge>;
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
  const said = text(isPaused ? "schedules.resume" : "schedules.pause");
  return (
    <RowActs>
      <Button size="compact-xs" variant="default" aria-label={`${text("schedules.history")}: ${name}`} onClick={show}>{text("schedules.history")}</Button>
      {may && (
        <>
          <Button size="compact-xs" variant="default" loading={test.isPending} aria-label={`${text("notifications.test")}: ${name}`} onClick={() => test.mutate()}>
            {text("notifications.test")}
          </Button>
          <Button size="compact-xs" variant="default" loading={toggle.isPending} aria-label={`${said}: ${name}`} onClick={() => toggle.mutate()}>{said}</Button>
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
