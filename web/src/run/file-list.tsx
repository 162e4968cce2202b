import type { ReactNode } from "react";
import { Group, NavLink, ScrollArea, Text } from "@mantine/core";
import { useText } from "../text/text";
import "./file-list.css";

type Props = {
  files: { name: string; detail: string }[];
  chosen: string | null;
  choose: (name: string) => void;
  children: ReactNode;
};

/** Files beside the one that is looked at. */
export function FileList({ files, chosen, choose, children }: Props) {
  const text = useText();
  return (
    <div className="files">
      <ScrollArea.Autosize mah="70vh" className="panel" type="auto" viewportProps={{ tabIndex: 0 }}>
        <nav aria-label={text("run.files")}>
          {files.map(({ name, detail }) => (
            <NavLink
              key={name} component="button" active={name === chosen} onClick={() => choose(name)} className="section"
              aria-current={name === chosen}
              label={
                <Group justify="space-between" wrap="nowrap" gap="xs">
                  <Text size="sm" style={{ overflowWrap: "anywhere" }}>{name}</Text>
                  <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>{detail}</Text>
                </Group>
              }
            />
          ))}
        </nav>
      </ScrollArea.Autosize>
      {children ?? <Text size="sm" c="dimmed">{text("files.choose")}</Text>}
    </div>
  );
}
