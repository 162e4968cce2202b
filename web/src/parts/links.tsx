import type { ReactNode } from "react";
import { Anchor } from "@mantine/core";
import { Link } from "react-router";
import { useWorkspace } from "../api/session";

/** Where the things of a workspace are; these addresses can be sent to others. */
export const place = {
  home: (workspace: string) => `/${encodeURIComponent(workspace)}/`,
  runs: (workspace: string, search: Record<string, string> = {}) =>
    `/${encodeURIComponent(workspace)}/runs${Object.keys(search).length ? `?${new URLSearchParams(search)}` : ""}`,
  run: (workspace: string, run: string, tab?: string) =>
    `/${encodeURIComponent(workspace)}/runs/${encodeURIComponent(run)}${tab ? `/${tab}` : ""}`,
  compare: (workspace: string, runs: string[]) =>
    `/${encodeURIComponent(workspace)}/compare?${new URLSearchParams({ runs: runs.join(",") })}`,
  section: (workspace: string, section: string, name?: string) =>
    `/${encodeURIComponent(workspace)}/${section}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`,
};

export function To({ to, children }: { to: string; children: ReactNode }) {
  return <Anchor component={Link} to={to} size="sm">{children}</Anchor>;
}

export function ToRun({ run, children }: { run: string; children: ReactNode }) {
  return <To to={place.run(useWorkspace(), run)}>{children}</To>;
}
