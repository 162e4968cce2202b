import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { api, got, type Schemas } from "../api/client";
import { useText } from "../text/text";
import { useTell } from "./tell";

export type Asset = Schemas["Asset"];

export function useAssets(workspace: string, kind: string) {
  return useQuery({
    queryKey: ["assets", workspace, kind],
    queryFn: () =>
      got(api.GET("/api/v1/workspaces/{workspace}/assets", { params: { path: { workspace }, query: { kind } } })),
  });
}

/** All versions of a name, the newest first; archived ones, too. */
export function useVersions(workspace: string, kind: string, name: string) {
  return useQuery({
    queryKey: ["assets", workspace, kind, name],
    queryFn: async () => {
      const query = { kind, name, all_versions: true, archived: true };
      const all = await got(api.GET("/api/v1/workspaces/{workspace}/assets", { params: { path: { workspace }, query } }));
      return [...all].sort((a, b) => b.version - a.version);
    },
  });
}

/** Runs that use a version, or have made it. */
export function useUsages(workspace: string, asset: Asset) {
  return useQuery({
    queryKey: ["usages", workspace, asset.kind, asset.name, asset.version],
    queryFn: () =>
      got(
        api.GET("/api/v1/workspaces/{workspace}/usages", {
          params: { path: { workspace }, query: { kind: asset.kind, name: asset.name, version: asset.version } },
        }),
      ),
  });
}

type Change = Partial<Schemas["AssetChange"]>;

const changed = (workspace: string, { kind, name, version }: Asset, change: Change) =>
  api.PATCH("/api/v1/workspaces/{workspace}/assets/{kind}/{name}/{version}", {
    params: { path: { workspace, kind, name, version } },
    body: change,
  });

/** Changes a version's description, tags or aliases, and offers to take that back. */
export function useAssetChange(workspace: string, asset: Asset, versions: Asset[]) {
  const text = useText();
  const tell = useTell();
  const client = useQueryClient();
  const renew = () => client.invalidateQueries({ queryKey: ["assets", workspace, asset.kind] });
  return useMutation({
    mutationFn: (change: Change) => changed(workspace, asset, change),
    onSuccess: (_, change) => {
      void renew();
      tell.undoable(text("asset.changed", { name: `${asset.name}:${asset.version}` }), () => {
        takeBack(workspace, asset, versions, change).then(renew, tell.error);
      });
    },
    onError: tell.error,
  });
}

/** Makes an asset what it was, and gives back the aliases that it took from other versions. */
async function takeBack(workspace: string, asset: Asset, versions: Asset[], change: Change): Promise<void> {
  await changed(workspace, asset, reverse(asset, change));
  for (const other of losers(asset, versions, change.aliases ?? [])) {
    await changed(workspace, other, { aliases: other.aliases });
  }
}

/** The change that undoes one. */
export function reverse(asset: Asset, change: Change): Change {
  const before = asset.tags ?? {};
  return {
    ...(change.description !== undefined && { description: asset.description ?? "" }),
    ...(change.tags && { tags: Object.fromEntries(Object.keys(change.tags).map((name) => [name, before[name] ?? null])) }),
    ...(change.aliases && { aliases: asset.aliases }),
  };
}

/** The other versions that had some of these aliases. */
export function losers(asset: Asset, versions: Asset[], aliases: readonly string[]): Asset[] {
  return versions.filter(({ version, aliases: own }) => version !== asset.version && own.some((each) => aliases.includes(each)));
}

/** Archives a version, which hides it and can be taken back. */
export function useArchive(workspace: string) {
  const text = useText();
  const tell = useTell();
  const client = useQueryClient();
  const archive = useMutation({
    mutationFn: ({ asset, archived }: { asset: Asset; archived: boolean }) =>
      changed(workspace, asset, { archived }),
    onSuccess: (_, { asset, archived }) => {
      void client.invalidateQueries({ queryKey: ["assets", workspace, asset.kind] });
      if (archived) {
        tell.undoable(text("asset.archived", { name: `${asset.name}:${asset.version}` }), () =>
          archive.mutate({ asset, archived: false }),
        );
      }
    },
    onError: tell.error,
  });
  return archive;
}
