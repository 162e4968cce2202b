/** What the designer edits: a pipeline's document, and where its steps are on the canvas. */

import type { Schema } from "../parts/schema";

export type Port = { name: string; kind: string; description: string; optional: boolean };

export type Component = {
  name: string;
  version: number;
  title: string;
  category: string;
  keywords: string[];
  description: string;
  inputs: Port[];
  outputs: Port[];
  schema: Schema;
};

export type Components = ReadonlyMap<string, Component>;

export type StepInput = string | ({ step?: string; output?: string } & Record<string, unknown>);
export type ComponentUse = { name: string; version?: number; parameters?: Record<string, unknown> };

/** A step of the document; what the designer does not know of stays as it is. */
export type Step = {
  component?: ComponentUse;
  inputs?: Record<string, StepInput>;
  outputs?: Record<string, unknown>;
  run_after?: string[];
} & Record<string, unknown>;

export type PipelineParameter = { type?: string; default?: unknown; description?: string };

export type Pipeline = {
  name?: string;
  description?: string;
  parameters?: Record<string, PipelineParameter | boolean | number | string | unknown[]>;
  steps: Record<string, Step>;
};

export type Point = { x: number; y: number };
export type Comment = { id: string; text: string; width: number; height: number } & Point;
export type Group = { id: string; title: string; steps: string[] };
export type Layout = { positions: Record<string, Point>; comments: Comment[]; groups: Group[] };
export type Draft = { pipeline: Pipeline; layout: Layout };

export const EMPTY: Draft = {
  pipeline: { steps: {} },
  layout: { positions: {}, comments: [], groups: [] },
};

export type Problem = { step: string | null; input: string | null; parameter: string | null; message: string };
export type Columns = Record<string, string>;
