import { useEffect, useState } from "react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, got, StudioError, type Schemas } from "../api/client";
import { useText } from "../text/text";
import { placed } from "./layout";
import { translated, translationOf } from "./translated";
import type { Components, Draft, Layout, Pipeline } from "./types";

const root = "/api/v1/workspaces/{workspace}/designer";
const drafts = `${root}/drafts` as const;
const CHECK_MILLISECONDS = 350;

/** The components, in the user's language as far as they are translated. */
export function useComponents(workspace: string) {
  const { language } = useText();
  return useQuery({
    queryKey: ["components", workspace, language],
    queryFn: async (): Promise<Components> => {
      const all = await got(api.GET(`${root}/components`, { params: { path: { workspace } } }));
      const translation = await translationOf(language);
      const named = translation ? all.map((each) => translated(each, translation)) : all;
      return new Map(named.map((each) => [each.name, each]));
    },
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
}

export function useSamples(workspace: string) {
  return useQuery({
    queryKey: ["draft-samples", workspace],
    queryFn: () => got(api.GET(`${root}/samples`, { params: { path: { workspace } } })),
    staleTime: Infinity,
  });
}

export function useDrafts(workspace: string) {
  return useQuery({
    queryKey: ["drafts", workspace],
    queryFn: () => got(api.GET(drafts, { params: { path: { workspace } } })),
  });
}

export type KeptDraft = { version: number; draft: Draft };

/** A version of a draft; the newest without one. */
export async function getDraft(workspace: string, name: string, version?: number): Promise<KeptDraft> {
  const found = await got(
    api.GET(`${drafts}/{name}`, { params: { path: { workspace, name }, query: version === undefined ? {} : { version } } }),
  );
  return { version: found.version, draft: completed(found) };
}

/** A draft with all that the canvas counts on. */
export function completed(content: { pipeline?: unknown; layout?: unknown }): Draft {
  const { pipeline = {}, layout = {} } = content as { pipeline?: Partial<Pipeline>; layout?: Partial<Layout> };
  return {
    pipeline: { ...pipeline, steps: pipeline.steps ?? {} },
    layout: { positions: layout.positions ?? {}, comments: layout.comments ?? [], groups: layout.groups ?? [] },
  };
}

/** The draft to begin with, its steps in their places. */
export function useDraftOf(workspace: string, name: string, components: Components | undefined) {
  return useQuery({
    queryKey: ["draft", workspace, name],
    enabled: components !== undefined,
    queryFn: async () => {
      const { version, draft } = await getDraft(workspace, name);
      return { version, draft: placed(draft, components ?? new Map()) };
    },
    staleTime: Infinity,
    gcTime: 0,
  });
}

export function useDraftVersions(workspace: string, name: string) {
  return useQuery({
    queryKey: ["draft-versions", workspace, name],
    queryFn: () => got(api.GET(`${drafts}/{name}/versions`, { params: { path: { workspace, name } } })),
    staleTime: 0,
  });
}

export const isConflict = (error: unknown): boolean => error instanceof StudioError && error.code === "conflict";

export async function putDraft(workspace: string, name: string, draft: Draft, base: number): Promise<number> {
  const { version } = await got(
    api.PUT(`${drafts}/{name}`, { params: { path: { workspace, name } }, body: { ...draft, based_on: base } }),
  );
  return version;
}

export type Origin = Draft | { source: Schemas["DraftSource"] };

export const createDraft = (workspace: string, name: string, from: Origin) =>
  got(api.POST(drafts, { params: { path: { workspace } }, body: { name, ...from } }));

/** What is wrong with a pipeline, and the columns of its tables; asked again when drawing pauses. */
export function useCheck(workspace: string, pipeline: Pipeline, run: string | null, mayEdit: boolean) {
  const paused = useDebounced(pipeline, CHECK_MILLISECONDS);
  return useQuery({
    queryKey: ["check", workspace, paused, run],
    enabled: mayEdit,
    queryFn: () => got(api.POST(`${root}/check`, { params: { path: { workspace } }, body: { pipeline: paused, run } })),
    placeholderData: keepPreviousData,
    staleTime: Infinity,
  });
}

function useDebounced<T>(value: T, milliseconds: number): T {
  const [kept, setKept] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setKept(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return kept;
}

export type Language = "python" | "r";

export function useScript(workspace: string, pipeline: Pipeline, language: Language) {
  return useQuery({
    queryKey: ["pipeline-script", workspace, pipeline, language],
    queryFn: () => got(api.POST(`${root}/export`, { params: { path: { workspace } }, body: { pipeline, language } })),
  });
}

export function usePreview(workspace: string, run: string, step: string, output: string) {
  return useQuery({
    queryKey: ["preview", workspace, run, step, output],
    queryFn: () =>
      got(
        api.GET(`${root}/runs/{run}/steps/{step}/outputs/{output}`, { params: { path: { workspace, run, step, output } } }),
      ),
    staleTime: Infinity,
  });
}

export const runDraft = (workspace: string, name: string, body: Schemas["DraftSubmission"]) =>
  got(api.POST(`${drafts}/{name}/runs`, { params: { path: { workspace, name } }, body }));

export const publishDraft = (workspace: string, draft: string, body: { version: number; name: string; description: string | null }) =>
  got(api.POST(`${drafts}/{name}/publish`, { params: { path: { workspace, name: draft } }, body }));

const ofRun = "/api/v1/workspaces/{workspace}/designer/runs/{run}" as const;

/** Has the trained pipeline of a run answer requests. */
export const deployRun = (workspace: string, run: string, body: Schemas["Inference"]) =>
  got(api.POST(`${ofRun}/service`, { params: { path: { workspace, run } }, body }));

/** Draws what scores a dataset as the trained pipeline of a run does. */
export const drawBatch = (workspace: string, run: string, body: Schemas["BatchInference"]) =>
  got(api.POST(`${ofRun}/batch`, { params: { path: { workspace, run } }, body }));

export const deleteDraft = (workspace: string, name: string) =>
  api.DELETE(`${drafts}/{name}`, { params: { path: { workspace, name } } });

/** The latest runs of a draft, of whatever version. */
export function useDraftRuns(workspace: string, name: string, isAsked: boolean) {
  return useQuery({
    queryKey: ["draft-runs", workspace, name],
    enabled: isAsked,
    queryFn: () =>
      got(
        api.POST("/api/v1/workspaces/{workspace}/runs/search", {
          params: { path: { workspace } },
          body: {
            filter: { field: { group: "tags", name: "draft" }, operator: "like", values: [`${name}:%`] },
            type: "pipeline", include_children: false, oldest_first: false, offset: 0, order_by: [], limit: 10,
          },
        }),
      ),
  });
}
