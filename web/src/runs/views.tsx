import { useState } from "react";
import { Button, Group, Menu, Popover, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, got } from "../api/client";
import { useMay, useWorkspace } from "../api/session";
import { place } from "../parts/links";
import { useTell } from "../parts/tell";
import { useText } from "../text/text";
import { useChoices } from "./choices";

const KIND = "view";

/** Filters, orders and columns that were given a name; they belong to the workspace, for all. */
export function Views() {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const may = useMay("contributor");
  const views = useQuery({
    queryKey: ["views", workspace],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/assets", {
          params: { path: { workspace }, query: { kind: KIND } },
        }),
      ),
  });
  const open = (search: unknown) =>
    void navigate(`${place.runs(workspace)}?${typeof search === "string" ? search : ""}`);
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default">{text("views.title")}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => open("")}>{text("views.all")}</Menu.Item>
          <Menu.Item onClick={() => open(new URLSearchParams({ filter: "status = 'failed'" }).toString())}>
            {text("views.failed")}
          </Menu.Item>
          {views.data?.map(({ name, definition }) => (
            <Menu.Item key={name} onClick={() => open(definition?.search)}>{name}</Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {may && <Save />}
    </>
  );
}

function Save() {
  const text = useText();
  const workspace = useWorkspace();
  const client = useQueryClient();
  const tell = useTell();
  const { search } = useChoices();
  const [isOpen, setIsOpen] = useState(false);
  const [name, setName] = useState("");
  const path = { workspace };
  const save = useMutation({
    mutationFn: async () => {
      const body = { kind: KIND, name: name.trim(), definition: { search: search.toString() } };
      return got(api.POST("/api/v1/workspaces/{workspace}/assets", { params: { path }, body: { ...body, aliases: [], files: [], always_new: true } }));
    },
    onSuccess: (view) => {
      setIsOpen(false);
      setName("");
      void client.invalidateQueries({ queryKey: ["views", workspace] });
      tell.undoable(text("views.saved", { name: view.name }), () => remove.mutate(view));
    },
    onError: tell.error,
  });
  const remove = useMutation({
    mutationFn: (view: { name: string; version: number }) =>
      api.DELETE("/api/v1/workspaces/{workspace}/assets/{kind}/{name}/{version}", {
        params: { path: { ...path, kind: KIND, name: view.name, version: view.version } },
      }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ["views", workspace] }),
    onError: tell.error,
  });
  return (
    <Popover opened={isOpen} onChange={setIsOpen} trapFocus position="bottom-end" shadow="md">
      <Popover.Target>
        <Button variant="default" onClick={() => setIsOpen(!isOpen)}>{text("views.save")}</Button>
      </Popover.Target>
      <Popover.Dropdown>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            save.mutate();
          }}
        >
          <Group align="flex-end" gap="xs">
            <TextInput label={text("views.name")} value={name} onChange={(event) => setName(event.currentTarget.value)} required />
            <Button type="submit" loading={save.isPending}>{text("save")}</Button>
          </Group>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
