import { Group, Select, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { api, got, type RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { Loaded } from "../parts/states";
import { Rows } from "../parts/table";
import { useText } from "../text/text";
import "./difference.css";

/** The sources and packages of two runs, as far as they differ. */
export function Difference({ runs }: { runs: RunRecord[] }) {
  const text = useText();
  const workspace = useWorkspace();
  const [search, setSearch] = useSearchParams();
  const [left = "", right = ""] = [search.get("left") ?? runs[0]?.id, search.get("right") ?? runs[1]?.id];
  const choices = runs.map((run) => ({ value: run.id, label: `${run.display_name} #${run.number}` }));
  const choose = (side: string) => (value: string | null) =>
    setSearch((old) => {
      const next = new URLSearchParams(old);
      if (value) next.set(side, value);
      return next;
    }, { replace: true });
  const comparison = useQuery({
    queryKey: ["comparison", workspace, left, right],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/runs/{run}/comparison/{other}", {
          params: { path: { workspace, run: left, other: right } },
        }),
      ),
  });
  return (
    <Stack>
      <Group>
        <Select label={text("compare.before")} data={choices} value={left} onChange={choose("left")} allowDeselect={false} />
        <Select label={text("compare.after")} data={choices} value={right} onChange={choose("right")} allowDeselect={false} />
      </Group>
      <Loaded from={comparison}>
        {({ code, packages }) => (
          <>
            <Title order={2}>{text("compare.code")}</Title>
            {code === null && <Text size="sm" c="dimmed">{text("compare.noCode")}</Text>}
            {code?.length === 0 && <Text size="sm" c="dimmed">{text("compare.sameCode")}</Text>}
            {code?.map(({ path, change, diff }) => (
              <Stack key={path} gap={4} component="section" aria-label={path}>
                <Text size="sm" fw={600}>{path} <Text span size="xs" c="dimmed">{change}</Text></Text>
                {diff && <Diff label={path} diff={diff} />}
              </Stack>
            ))}
            {packages && packages.length > 0 && (
              <>
                <Title order={2}>{text("compare.packages")}</Title>
                <Rows
                  label={text("compare.packages")} rows={packages} id={({ package: name }) => name}
                  columns={[
                    { key: "name", title: text("name"), cell: ({ package: name }) => name },
                    { key: "left", title: text("compare.before"), cell: (row) => row.left ?? "–" },
                    { key: "right", title: text("compare.after"), cell: (row) => row.right ?? "–" },
                  ]}
                />
              </>
            )}
          </>
        )}
      </Loaded>
    </Stack>
  );
}

function Diff({ label, diff }: { label: string; diff: string }) {
  const kinds: Record<string, string> = { "+": "diff-more", "-": "diff-less", "@": "diff-place" };
  return (
    <pre className="code panel" tabIndex={0} role="region" aria-label={label} style={{ maxHeight: 480 }}>
      {diff.split("\n").map((line, index) => (
        <span key={index} className={kinds[line[0] ?? ""]}>{line}{"\n"}</span>
      ))}
    </pre>
  );
}
