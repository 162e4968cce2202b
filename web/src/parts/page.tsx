import { useEffect, type ReactNode } from "react";
import { Group, Stack, Title } from "@mantine/core";

/** A page with its title, which is the window's too, and what can be done on it. */
export function Page(props: { title: ReactNode; name?: string; actions?: ReactNode; children: ReactNode }) {
  const { title, name, actions, children } = props;
  const shown = name ?? (typeof title === "string" ? title : "");
  useEffect(() => {
    document.title = shown ? `${shown} · tandemlab` : "tandemlab";
  }, [shown]);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="center" gap="sm">
        <Title order={1} style={{ flex: "1 1 auto", minWidth: 0, overflowWrap: "anywhere" }}>{title}</Title>
        {actions && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}

/** A part of a page, in a frame. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack component="section" gap="xs" className="panel" p="md" aria-label={title} style={{ minWidth: 0 }}>
      <Title order={2}>{title}</Title>
      {children}
    </Stack>
  );
}
