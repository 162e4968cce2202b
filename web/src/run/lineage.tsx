import { Text } from "@mantine/core";
import type { RunRecord, Schemas } from "../api/client";
import { useWorkspace } from "../api/session";
import { Graph, type GraphNode } from "../parts/graph";
import { place } from "../parts/links";
import { Loaded } from "../parts/states";
import { useText } from "../text/text";
import { useLineage } from "./queries";

type Node = Schemas["LineageNodeContent"];

/** Where the run comes from, and what came of it. */
export default function Lineage({ run }: { run: RunRecord }) {
  const text = useText();
  const workspace = useWorkspace();
  const lineage = useLineage(workspace, run.id);
  return (
    <Loaded from={lineage}>
      {({ run: own, links }) => {
        if (links.length === 0) return <Text size="sm" c="dimmed">{text("lineage.none")}</Text>;
        const all = new Map<string, Node>(
          [own, ...links.flatMap(({ source, target }) => [source, target])].map((node) => [key(node), node]),
        );
        const nodes = [...all.values()].map((node): GraphNode => ({
          id: key(node),
          title: node.label.split(",")[0] ?? node.label,
          kind: text(`lineage.${node.kind}`),
          isMarked: key(node) === key(own),
          to: key(node) === key(own) ? undefined : target(workspace, node),
        }));
        return (
          <Graph
            label={text("run.lineage")} nodes={nodes}
            links={links.map((link) => ({ from: key(link.source), to: key(link.target) }))}
          />
        );
      }}
    </Loaded>
  );
}

const key = ({ kind, id }: Node) => `${kind} ${id}`;

function target(workspace: string, { kind, id }: Node): string | undefined {
  const name = id.replace(/:\d+$/, "");
  if (kind === "run") return place.run(workspace, id);
  if (kind === "model") return place.section(workspace, "models", name);
  if (kind === "dataset") return place.section(workspace, "datasets", name);
  return undefined;
}
