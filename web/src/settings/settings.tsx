import { useState, type ReactNode } from "react";
import { Alert, Button, Group, PasswordInput, Select, Stack, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, type Role, type Schemas } from "../api/client";
import { useMay, useSession, useWorkspace } from "../api/session";
import { Code } from "../parts/code";
import { Confirmed } from "../parts/confirmed";
import { Page } from "../parts/page";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { useTell } from "../parts/tell";
import { When } from "../parts/when";
import { Pairs } from "../run/overview";
import { useText } from "../text/text";
import { useSecrets } from "./queries";

export default function Settings() {
  const text = useText();
  const { user, role, version } = useSession();
  const isContributor = useMay("contributor");
  const isOwner = useMay("owner");
  return (
    <Page title={text("settings.title")}>
      <Stack className="panel" p="md" component="section">
        <Pairs pairs={[[text("run.user"), user], [text("settings.role"), text(`role.${role as Role}`)], ["tandemlab", version]]} />
      </Stack>
      {isContributor && <Part title={text("settings.secrets")} about={text("settings.aboutSecrets")}><Secrets /></Part>}
      {isOwner && <Part title={text("settings.tokens")} about={text("settings.aboutTokens")}><Tokens /></Part>}
    </Page>
  );
}

function Part({ title, about, children }: { title: string; about: string; children: ReactNode }) {
  return (
    <Stack gap="xs" component="section" aria-label={title}>
      <Title order={2}>{title}</Title>
      <Text size="sm" c="dimmed">{about}</Text>
      {children}
    </Stack>
  );
}

/** The names of secrets; their values are written here and never read. */
function Secrets() {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const tell = useTell();
  const [typed, setTyped] = useState({ name: "", value: "" });
  const path = { workspace };
  const renew = () => void client.invalidateQueries({ queryKey: ["secrets", workspace] });
  const names = useSecrets(workspace);
  const set = useMutation({
    mutationFn: ({ name, value }: { name: string; value: string }) =>
      api.POST("/api/v1/workspaces/{workspace}/secrets", { params: { path }, body: { secrets: { [name]: value } } }),
    onSuccess: (_, { name }) => {
      setTyped({ name: "", value: "" });
      renew();
      tell.done(text("settings.kept", { name }));
    },
    onError: tell.error,
  });
  const remove = useMutation({
    mutationFn: (name: string) =>
      api.POST("/api/v1/workspaces/{workspace}/secrets/delete", { params: { path }, body: { names: [name] } }),
    onSuccess: renew,
    onError: tell.error,
  });
  return (
    <>
      <Loaded from={names}>
        {(all) =>
          all.length === 0 ? <Text size="sm">{text("settings.noSecrets")}</Text> : (
            <Rows
              label={text("settings.secrets")} rows={all} id={(name) => name}
              columns={[
                { key: "name", title: text("name"), cell: (name) => name },
                { key: "remove", title: "", right: true, cell: (name) => <Confirmed said={text("run.delete")} about={name} act={() => remove.mutate(name)} /> },
              ]}
            />
          )}
      </Loaded>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          set.mutate(typed);
        }}
      >
        <Group align="flex-end" gap="xs">
          <TextInput label={text("settings.secretName")} required value={typed.name} autoComplete="off" onChange={(event) => setTyped({ ...typed, name: event.currentTarget.value })} />
          <PasswordInput
            label={text("settings.secretValue")} required value={typed.value} w={220} autoComplete="new-password"
            visibilityToggleButtonProps={{ "aria-label": text("settings.see") }}
            onChange={(event) => setTyped({ ...typed, value: event.currentTarget.value })}
          />
          <Button type="submit" variant="default" loading={set.isPending}>{text("settings.keep")}</Button>
        </Group>
      </form>
    </>
  );
}

type Token = Schemas["TokenContent"];

function Tokens() {
  const text = useText();
  const client = useQueryClient();
  const tell = useTell();
  const { csrf } = useSession();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("contributor");
  const [days, setDays] = useState("90");
  const renew = () => void client.invalidateQueries({ queryKey: ["tokens"] });
  const tokens = useQuery({ queryKey: ["tokens"], queryFn: () => got(api.GET("/api/v1/tokens")) });
  const make = useMutation({
    mutationFn: () => got(api.POST("/api/v1/tokens", { body: { name, role, days: days ? Number(days) : null } })),
    onSuccess: () => {
      setName("");
      renew();
    },
    onError: tell.error,
  });
  const revoke = useMutation({
    mutationFn: (token: Token) => api.DELETE("/api/v1/tokens/{token_id}", { params: { path: { token_id: token.id } } }),
    onSuccess: renew,
    onError: tell.error,
  });
  if (csrf === null) {
    return (
      <>
        <Text size="sm">{text("settings.noTokens")}</Text>
        <Code code="tandemlab server token create NAME --role owner" label={text("code.shell")} />
      </>
    );
  }
  return (
    <>
      <Loaded from={tokens}>
        {(all) => (
          <Rows
            label={text("settings.tokens")} rows={all} id={({ id }) => id}
            columns={[
              { key: "name", title: text("name"), cell: (token) => token.name },
              { key: "role", title: text("settings.role"), cell: (token) => text(`role.${token.role}`) },
              { key: "expires", title: text("settings.expires"), cell: ({ expires }) => expires ? <When time={expires} /> : text("settings.never") },
              { key: "revoke", title: "", right: true, cell: (token) => <Confirmed said={text("settings.revoke")} about={token.name} act={() => revoke.mutate(token)} /> },
            ]}
          />
        )}
      </Loaded>
      {make.data && (
        <Alert title={text("settings.newToken", { name: make.data.name })} variant="outline">
          <Code code={make.data.token} label={text("settings.newToken", { name: make.data.name })} />
        </Alert>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <Group align="flex-end" gap="xs">
          <TextInput label={text("settings.whose")} required value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <Select
            label={text("settings.role")} w={150} allowDeselect={false} value={role} onChange={(value) => value && setRole(value)}
            data={(["reader", "contributor", "owner"] as const).map((value) => ({ value, label: text(`role.${value}`) }))}
          />
          <TextInput label={text("settings.days")} w={90} inputMode="numeric" pattern="[0-9]*" value={days} onChange={(event) => setDays(event.currentTarget.value)} />
          <Button type="submit" variant="default" loading={make.isPending}>{text("settings.make")}</Button>
        </Group>
      </form>
    </>
  );
}
