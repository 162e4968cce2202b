import type { ReactNode } from "react";
import { Text } from "@mantine/core";
import { useText } from "../text/text";
import { Code } from "./code";
import { Empty, Loaded, type Asked } from "./states";

type Props<Row> = {
  from: Asked<Row[]>;
  section: "notifications" | "pipelines" | "schedules" | "services";
  /** The command that makes the first. */
  code: string;
  children: (rows: Row[]) => ReactNode;
};

/** What a section has, or how the first of it comes to be. */
export function Listed<Row>({ from, section, code, children }: Props<Row>) {
  const text = useText();
  return (
    <Loaded from={from}>
      {(all) => all.length > 0 ? children(all) : (
        <Empty title={text(`${section}.none`)}>
          <Text size="sm">{text(`${section}.first`)}</Text>
          <Code code={code} label={text("code.shell")} />
        </Empty>
      )}
    </Loaded>
  );
}
