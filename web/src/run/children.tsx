import { Text } from "@mantine/core";
import type { RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { ToRun } from "../parts/links";
import { Loaded } from "../parts/states";
import { hasEnded, Status } from "../parts/status";
import { Rows } from "../parts/table";
import { Elapsed, When } from "../parts/when";
import { useText } from "../text/text";
import { useChildren } from "./queries";

export default function Children({ run }: { run: RunRecord }) {
  const text = useText();
  const children = useChildren(useWorkspace(), run.id, !hasEnded(run.status));
  return (
    <Loaded from={children}>
      {(all) =>
        all.length === 0 ? <Text size="sm" c="dimmed">{text("run.noChildren")}</Text> : (
          <Rows
            label={text("run.children")} rows={all} id={({ id }) => id}
            columns={[
              { key: "run", title: text("run"), cell: ({ id, display_name }) => <ToRun run={id}>{display_name}</ToRun> },
              { key: "status", title: text("status"), cell: ({ status }) => <Status status={status} /> },
              { key: "duration", title: text("duration"), right: true, cell: ({ started, ended }) => <Elapsed from={started ?? null} to={ended ?? null} /> },
              { key: "created", title: text("created"), isMore: true, right: true, cell: ({ created }) => <When time={created} /> },
            ]}
          />
        )}
    </Loaded>
  );
}
