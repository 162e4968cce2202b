import { Select, SimpleGrid, Stack, Tabs, Text } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { api, got, type RunRecord } from "../api/client";
import { useWorkspace } from "../api/session";
import { Lines, type Line } from "../charts/lines";
import { asNumber } from "../parts/forms";
import { place, To } from "../parts/links";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { useSeries } from "../runs/queries";
import { useText } from "../text/text";
import { Difference } from "./difference";
import { Parallel } from "./parallel";
import { Table } from "./table";

const MOST = 50;

/** Runs beside each other; which ones is in the address. */
export default function Compare() {
  const text = useText();
  const workspace = useWorkspace();
  const [search, setSearch] = useSearchParams();
  const ids = [...new Set((search.get("runs") ?? "").split(",").filter(Boolean))].slice(0, MOST);
  const found = useQueries({
    queries: ids.map((run) => ({
      queryKey: ["run", workspace, run],
      queryFn: () => got(api.GET("/api/v1/workspaces/{workspace}/runs/{run}", { params: { path: { workspace, run } } })),
    })),
    combine: (answers) => ({
      data: answers.every(({ data }) => data) ? answers.map(({ data }) => data as RunRecord) : undefined,
      error: answers.find(({ error }) => error)?.error ?? null,
      refetch: () => answers.forEach(({ refetch }) => void refetch()),
    }),
  });
  const set = (name: string, value: string) =>
    setSearch((old) => {
      const next = new URLSearchParams(old);
      next.set(name, value);
      return next;
    }, { replace: true });
  const tab = search.get("tab") ?? "values";
  if (ids.length < 2) {
    return (
      <Page title={text("compare.title")}>
        <Empty title={text("compare.few")}><To to={place.runs(workspace)}>{text("compare.choose")}</To></Empty>
      </Page>
    );
  }
  return (
    <Page title={text("compare.of", { n: ids.length })}>
      <Loaded from={found}>
        {(runs) => (
          <Tabs value={tab} onChange={(next) => next && set("tab", next)} keepMounted={false}>
            <Tabs.List style={{ overflowX: "auto", flexWrap: "nowrap" }}>
              <Tabs.Tab value="values">{text("compare.values")}</Tabs.Tab>
              <Tabs.Tab value="curves">{text("compare.curves")}</Tabs.Tab>
              <Tabs.Tab value="parallel">{text("compare.parallel")}</Tabs.Tab>
              <Tabs.Tab value="code">{text("compare.code")}</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value={tab} pt="md">
              {tab === "values" && <Table runs={runs} />}
              {tab === "curves" && <Curves runs={runs} />}
              {tab === "parallel" && <Parallel runs={runs} />}
              {tab === "code" && <Difference runs={runs} />}
            </Tabs.Panel>
          </Tabs>
        )}
      </Loaded>
    </Page>
  );
}

/** Each metric of several runs in one chart. */
function Curves({ runs }: { runs: RunRecord[] }) {
  const text = useText();
  const workspace = useWorkspace();
  const [search, setSearch] = useSearchParams();
  const latest = useLatest(workspace, runs.map(({ id }) => id));
  return (
    <Loaded from={latest}>
      {(values) => {
        const names = [...new Set(Object.values(values).flatMap((each) => Object.keys(each)))];
        const wanted = search.get("metric");
        const shown = wanted ? names.filter((name) => name === wanted) : names.slice(0, 6);
        if (names.length === 0) return <Text size="sm" c="dimmed">{text("run.noMetrics")}</Text>;
        return (
          <Stack>
            <Select
              label={text("compare.metric")} placeholder={text("compare.allMetrics")} data={names} value={wanted} w={240}
              clearable searchable
              onChange={(value) =>
                setSearch((old) => {
                  const next = new URLSearchParams(old);
                  if (value) next.set("metric", value);
                  else next.delete("metric");
                  return next;
                }, { replace: true })}
            />
            <SimpleGrid cols={{ base: 1, md: shown.length > 1 ? 2 : 1 }}>
              {shown.map((name) => <Overlay key={name} runs={runs} name={name} />)}
            </SimpleGrid>
          </Stack>
        );
      }}
    </Loaded>
  );
}

export function useLatest(workspace: string, ids: string[]) {
  return useQueries({
    queries: [{
      queryKey: ["latest", workspace, ids],
      queryFn: () =>
        got(api.POST("/api/v1/workspaces/{workspace}/runs/latest", { params: { path: { workspace } }, body: { ids } })),
    }],
    combine: ([answer]) => answer,
  });
}

function Overlay({ runs, name }: { runs: RunRecord[]; name: string }) {
  const text = useText();
  const series = useSeries(useWorkspace(), runs.map(({ id }) => id), name, 1000);
  return (
    <Stack className="panel" p="md" gap="xs" component="section" aria-label={name} style={{ minWidth: 0 }}>
      <Text component="h2" fw={650} m={0}>{name}</Text>
      <Loaded from={series}>
        {(found) => {
          const hasSteps = Object.values(found).every(({ steps }) => steps.every((step) => step !== null));
          const lines = runs.flatMap((run): Line[] => {
            const each = found[run.id];
            if (!each) return [];
            const places = each.indices.length ? each.indices : each.values.map((_, index) => index + 1);
            return [{
              name: `${run.display_name} #${run.number}`,
              x: hasSteps ? each.steps.map((step) => step ?? 0) : places,
              y: each.values.map(asNumber).map((value) => (Number.isFinite(value) ? value : null)),
            }];
          });
          const isHistory = lines.some(({ x }) => x.length > 1);
          return (
            <Lines title={name} lines={lines} xLabel={hasSteps ? text("metrics.step") : text("metrics.index")} isDots={!isHistory} group="compare" />
          );
        }}
      </Loaded>
    </Stack>
  );
}
