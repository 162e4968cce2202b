import { useEffect, useRef, useState } from "react";
import { Group, Switch, Text } from "@mantine/core";
import type { LiveRun } from "../api/live";
import type { RunRecord } from "../api/client";
import { Copy } from "../parts/code";
import { hasEnded } from "../parts/status";
import { useText } from "../text/text";

/** What the run has printed, as it comes. */
export function Log({ live, run, height = "calc(100dvh - 21rem)" }: { live: LiveRun; run: RunRecord; height?: string }) {
  const text = useText();
  const box = useRef<HTMLPreElement>(null);
  const [follows, setFollows] = useState(true);
  useEffect(() => {
    if (follows && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [live.log, follows]);
  if (!live.log) {
    return <Text size="sm" c="dimmed">{text(hasEnded(run.status) ? "run.noLog" : "run.noLogYet")}</Text>;
  }
  return (
    <>
      <Group justify="space-between" mb="xs">
        <Switch label={text("run.follow")} checked={follows} onChange={(event) => setFollows(event.currentTarget.checked)} />
        <Copy value={live.log} />
      </Group>
      <pre
        ref={box} className="code panel" tabIndex={0} role="log" aria-label={text("run.log")} aria-live="off"
        style={{ height, minHeight: 240, whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}
      >
        {live.log}
      </pre>
    </>
  );
}
