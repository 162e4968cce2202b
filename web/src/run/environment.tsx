import { useState } from "react";
import { Stack, TextInput, Title } from "@mantine/core";
import type { RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { Code } from "../parts/code";
import { shown } from "../parts/forms";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { useText } from "../text/text";
import { Pairs } from "./overview";
import { partOf, useFiles, useText200k } from "./queries";

const FILE = "system/environment.json";

/** What the run ran with: its machine, the packages that were installed, and its configuration. */
export default function Environment({ run }: { run: RunRecord }) {
  const text = useText();
  const files = useFiles(useWorkspace(), run.id);
  const context = Object.entries(run.context ?? {}).filter(([, value]) => typeof value !== "object");
  const definition = run.definition ?? {};
  return (
    <Stack gap="md">
      <Stack className="panel" p="md" gap="xs" component="section">
        <Title order={2}>{text("environment.machine")}</Title>
        <Pairs pairs={context.map(([name, value]) => [name, shown(value)])} none="–" />
      </Stack>
      {files.data?.some(({ name }) => name === FILE) && <Packages run={run} />}
      {Object.keys(definition).length > 0 && (
        <Stack gap="xs" component="section">
          <Title order={2}>{text("environment.definition")}</Title>
          <Code code={JSON.stringify(definition, null, 2)} label={text("environment.definition")} maxHeight={420} />
        </Stack>
      )}
    </Stack>
  );
}

type Recorded = { packages?: Record<string, string> } & Record<string, unknown>;

function Packages({ run }: { run: RunRecord }) {
  const text = useText();
  const [wanted, setWanted] = useState("");
  const content = useText200k(partOf(useWorkspace(), run.id, FILE));
  return (
    <Loaded from={content}>
      {(json) => {
        const packages = packagesIn(JSON.parse(json) as Recorded);
        const shownOnes = packages.filter(([name]) => name.toLowerCase().includes(wanted.toLowerCase()));
        return (
          <Stack gap="xs" component="section">
            <Title order={2}>{text("environment.packages", { n: packages.length })}</Title>
            <TextInput
              aria-label={text("environment.find")} placeholder={text("environment.find")} maw={280}
              value={wanted} onChange={(event) => setWanted(event.currentTarget.value)}
            />
            <div style={{ maxHeight: 420, overflow: "auto" }}>
              <Rows
                label={text("environment.packages", { n: packages.length })}
                rows={shownOnes} id={([name]) => name}
                columns={[
                  { key: "name", title: text("name"), cell: ([name]) => name },
                  { key: "version", title: text("version"), cell: ([, version]) => version },
                ]}
              />
            </div>
          </Stack>
        );
      }}
    </Loaded>
  );
}

function packagesIn(recorded: Recorded): [string, string][] {
  return Object.entries(recorded.packages ?? {}).sort(([a], [b]) => a.localeCompare(b));
}
