import type { ReactNode } from "react";
import { Badge, Button, Group, Select, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useSearchParams } from "react-router";
import { useMay, useWorkspace } from "../api/session";
import { useText } from "../text/text";
import { useArchive, useAssetChange, useUsages, useVersions, type Asset } from "./assets";
import { Chips, Description, Labels } from "./labels";
import { place, To, ToRun } from "./links";
import { Page, Section } from "./page";
import { Empty, Loaded } from "./states";
import { Rows, type Column } from "./table";
import { When } from "./when";

/** What is registered under names: the newest version of each. */
export function AssetTable(props: { section: string; label: string; assets: Asset[]; columns: Column<Asset>[] }) {
  const { section, label, assets, columns } = props;
  const text = useText();
  const workspace = useWorkspace();
  return (
    <Rows
      label={label} rows={assets} id={({ name }) => name}
      columns={[
        { key: "name", title: text("name"), cell: ({ name }) => <To to={place.section(workspace, section, name)}>{name}</To> },
        { key: "version", title: text("version"), right: true, cell: ({ version }) => version },
        ...columns,
        { key: "created", title: text("created"), right: true, isMore: true, cell: ({ created }) => <When time={created} /> },
      ]}
    />
  );
}

/** A name with its versions; which one is looked at is in the address. */
export function AssetPage(props: { kind: "dataset" | "model"; name: string; children: (asset: Asset) => ReactNode }) {
  const { kind, name, children } = props;
  const text = useText();
  const workspace = useWorkspace();
  const may = useMay("contributor");
  const versions = useVersions(workspace, kind, name);
  const archive = useArchive(workspace);
  const [search, setSearch] = useSearchParams();
  return (
    <Loaded from={versions}>
      {(all) => {
        const wanted = search.get("version");
        const asset = all.find(({ version }) => String(version) === wanted) ?? all[0];
        if (!asset) return <Page title={name}><Empty title={text("asset.none")}><To to={place.section(workspace, `${kind}s`)}>{text("asset.all")}</To></Empty></Page>;
        const archived = asset.archived;
        return (
          <Page
            title={name}
            actions={
              <>
                <Select
                  aria-label={text("version")} w={{ base: 150, sm: 240 }} allowDeselect={false} value={String(asset.version)}
                  data={all.map(({ version, aliases }) => ({
                    value: String(version),
                    label: [`${text("version")} ${version}`, ...aliases].join(" · "),
                  }))}
                  onChange={(version) => version && setSearch({ version }, { replace: true })}
                />
                {may && (
                  <Button variant="default" onClick={() => archive.mutate({ asset, archived: !archived })}>
                    {text(archived ? "experiments.restore" : "experiments.archive")}
                  </Button>
                )}
              </>
            }
          >
            <Group gap="xs">
              <Text size="sm" c="dimmed"><When time={asset.created} /></Text>
              {asset.user && <Text size="sm" c="dimmed">{asset.user}</Text>}
              {archived && <Badge className="badge" variant="default" radius="sm" tt="none">{text("experiments.isArchived")}</Badge>}
            </Group>
            <About key={asset.version} asset={asset} versions={all} />
            {children(asset)}
            <Usages asset={asset} />
          </Page>
        );
      }}
    </Loaded>
  );
}

/** What may be changed of a version: what it is for, its tags, and the names that point to it. */
function About({ asset, versions }: { asset: Asset; versions: Asset[] }) {
  const text = useText();
  const may = useMay("contributor");
  const change = useAssetChange(useWorkspace(), asset, versions);
  const { aliases } = asset;
  return (
    <SimpleGrid cols={{ base: 1, md: 3 }} spacing="md">
      <Section title={text("run.description")}>
        <Description description={asset.description ?? null} may={may} set={(description) => change.mutate({ description })} />
      </Section>
      <Section title={text("run.tags")}>
        <Labels
          tags={asset.tags ?? {}} may={may} set={(name, value) => change.mutate({ tags: { [name]: value ?? "" } })}
          remove={(name) => change.mutate({ tags: { [name]: null } })}
        />
      </Section>
      <Section title={text("models.aliases")}>
        <Chips
          chips={aliases.map((name) => ({ id: name, label: name, removing: text("asset.removeAlias", { name }) }))}
          none={text("asset.noAliases")} newOne={text("asset.newAlias")} example="production" may={may}
          add={(alias) => change.mutate({ aliases: [...new Set([...aliases, alias])] })}
          remove={(alias) => change.mutate({ aliases: aliases.filter((each) => each !== alias) })}
        />
      </Section>
    </SimpleGrid>
  );
}

function Usages({ asset }: { asset: Asset }) {
  const text = useText();
  const usages = useUsages(useWorkspace(), asset);
  return (
    <Stack gap="xs" component="section">
      <Title order={2}>{text("asset.runs")}</Title>
      {asset.run_id && <Text size="sm">{text("asset.madeBy")} <ToRun run={asset.run_id}>{asset.run_id}</ToRun></Text>}
      <Loaded from={usages}>
        {(all) =>
          all.length === 0 ? <Text size="sm" c="dimmed">{text("asset.unused")}</Text> : (
            <Rows
              label={text("asset.runs")} rows={all} id={({ run_id, label, role }) => `${run_id} ${role} ${label}`}
              columns={[
                { key: "run", title: text("run"), cell: ({ run_id }) => <ToRun run={run_id}>{run_id}</ToRun> },
                { key: "role", title: text("asset.role"), cell: ({ role }) => text(role === "output" ? "asset.output" : "asset.input") },
                { key: "label", title: text("name"), cell: ({ label }) => label },
              ]}
            />
          )}
      </Loaded>
    </Stack>
  );
}
