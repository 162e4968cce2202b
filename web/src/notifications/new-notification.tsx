import { useState } from "react";
import { Autocomplete, Checkbox, Group, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "../api/client";
import { useWorkspace } from "../api/session";
import { Asking } from "../parts/asking";
import { NameInput } from "../parts/name-input";
import { useSecrets } from "../settings/queries";
import { useText, type Key } from "../text/text";

const KINDS = ["webhook", "email", "command"] as const;
const STATUSES = ["Completed", "Failed", "Canceled"] as const;
const SCOPES = { experiment: "runs.experiment", pipeline: "notifications.pipeline", schedule: "schedules.schedule" } as const satisfies Record<string, Key>;

type Kind = (typeof KINDS)[number];
type Scope = keyof typeof SCOPES;
type Field = { key: string; title: Key; isOptional?: boolean; isSecret?: boolean; type?: string; example?: string };

/** What each way needs; secrets are named here, their values are in the settings. */
const FIELDS: Record<Kind, Field[]> = {
  webhook: [
    { key: "url", title: "notifications.url", type: "url", example: "https://example.org/hook" },
    { key: "secret", title: "notifications.signing", isOptional: true, isSecret: true },
  ],
  email: [
    { key: "recipients", title: "notifications.recipients", example: "ana@example.org, rui@example.org" },
    { key: "sender", title: "notifications.sender", type: "email" },
    { key: "host", title: "notifications.host", example: "smtp.example.org" },
    { key: "port", title: "notifications.port", isOptional: true, example: "587" },
    { key: "user", title: "run.user", isOptional: true },
    { key: "password_secret", title: "notifications.password", isOptional: true, isSecret: true },
  ],
  command: [{ key: "command", title: "notifications.line", example: "notify-send tandemlab" }],
};

/** In the place of a webhook's address: whoever knows that of a chat may write there. */
const SECRET_URL: Field = { key: "url_secret", title: "notifications.urlSecret", isSecret: true };

const fieldsOf = (kind: Kind, hidesUrl: boolean): Field[] =>
  FIELDS[kind].map((field) => (hidesUrl && field.key === "url" ? SECRET_URL : field));

/** Asks for what is told to whom; the server says what is wrong with it. */
export function NewNotification({ close }: { close: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [on, setOn] = useState<string[]>(["Failed"]);
  const [kind, setKind] = useState<Kind>("webhook");
  const [typed, setTyped] = useState<Record<string, string>>({});
  const [hidesUrl, setHidesUrl] = useState(false);
  const secrets = useSecrets(workspace);
  const [security, setSecurity] = useState<string>("starttls");
  const [scope, setScope] = useState<Scope | null>(null);
  const [scopeName, setScopeName] = useState("");
  const make = useMutation({
    mutationFn: () =>
      api.POST("/api/v1/workspaces/{workspace}/notifications", {
        params: { path: { workspace } },
        body: { name, on, channel: channelOf(kind, fieldsOf(kind, hidesUrl), typed, security), exist_ok: false, ...(scope && { [scope]: scopeName }) },
      }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["notifications", workspace] });
      close();
    },
  });
  return (
    <Asking title={text("notifications.new")} about={text("notifications.about")} act={make} close={close}>
      <NameInput label={text("name")} value={name} onType={setName} data-autofocus />
      <Checkbox.Group label={text("notifications.on")} value={on} onChange={setOn}>
        <Group gap="md" mt={6}>
          {STATUSES.map((status) => <Checkbox key={status} value={status} label={text(`status.${status}`)} />)}
        </Group>
      </Checkbox.Group>
      <Group grow align="flex-end">
        <Select
          label={text("notifications.only")} placeholder={text("notifications.all")} clearable value={scope} onChange={setScope}
          data={(Object.keys(SCOPES) as Scope[]).map((value) => ({ value, label: text(SCOPES[value]) }))}
        />
        {scope && <TextInput label={text(SCOPES[scope])} required value={scopeName} onChange={(event) => setScopeName(event.currentTarget.value)} />}
      </Group>
      <SegmentedControl
        aria-label={text("notifications.channel")} value={kind} onChange={setKind}
        data={KINDS.map((value) => ({ value, label: text(`notifications.${value}`) }))}
      />
      {fieldsOf(kind, hidesUrl).map((field) => (
        <Asked
          key={`${kind} ${field.key}`} field={field} secrets={secrets.data ?? []} value={typed[field.key] ?? ""}
          set={(value) => setTyped((old) => ({ ...old, [field.key]: value }))}
        />
      ))}
      {kind === "webhook" && (
        <Checkbox label={text("notifications.isSecret")} checked={hidesUrl} onChange={(event) => setHidesUrl(event.currentTarget.checked)} />
      )}
      {kind === "email" && (
        <Select
          label={text("notifications.security")} allowDeselect={false} value={security} onChange={(value) => value && setSecurity(value)}
          data={[{ value: "starttls", label: "STARTTLS" }, { value: "tls", label: "TLS" }, { value: "none", label: text("notifications.noSecurity") }]}
        />
      )}
    </Asking>
  );
}

type AskedProps = { field: Field; secrets: string[]; value: string; set: (value: string) => void };

function Asked({ field: { title, isOptional = false, isSecret = false, type = "text", example = "" }, secrets, value, set }: AskedProps) {
  const shared = { label: useText()(title), required: !isOptional, placeholder: example, value };
  return isSecret
    ? <Autocomplete {...shared} data={secrets} onChange={set} />
    : <TextInput {...shared} type={type} onChange={(event) => set(event.currentTarget.value)} />;
}

/** The way as the interface has it. */
function channelOf(kind: Kind, fields: Field[], typed: Record<string, string>, security: string): Record<string, unknown> {
  const given = fields.map(({ key }) => [key, typed[key]?.trim()] as const).filter(([, value]) => value);
  const channel: Record<string, unknown> = { kind, ...Object.fromEntries(given) };
  if (kind !== "email") return channel;
  const { recipients = "", port } = typed;
  return {
    ...channel, security,
    recipients: recipients.split(",").map((each) => each.trim()).filter(Boolean),
    ...(port && { port: Number(port) }),
  };
}
