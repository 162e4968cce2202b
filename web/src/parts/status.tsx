import { Badge } from "@mantine/core";
import type { RunStatus } from "../api/client";
import { useText } from "../text/text";

const COLOURS: Record<RunStatus, string> = {
  NotStarted: "gray",
  Queued: "gray",
  Preparing: "lab",
  Running: "lab",
  Finalizing: "lab",
  CancelRequested: "orange",
  Completed: "green",
  Failed: "red",
  Canceled: "orange",
};

const ENDED = new Set<RunStatus>(["Completed", "Failed", "Canceled"]);

export const hasEnded = (status: RunStatus): boolean => ENDED.has(status);

export function Status({ status }: { status: RunStatus }) {
  const text = useText();
  return (
    <Badge className={`badge badge-${COLOURS[status]}`} variant="default" radius="sm" tt="none">
      {text(`status.${status}`)}
    </Badge>
  );
}
