import { createContext, useContext } from "react";
import type { Schemas } from "../api/client";
import type { Columns, Components, Problem } from "./types";

export type StepState = Schemas["StepContent"];

/** What the parts of the canvas know beside the draft. */
export type View = {
  components: Components;
  problems: ReadonlyMap<string, Problem[]>;
  /** Of each step's outputs, as far as they are known before it runs. */
  columns: Readonly<Record<string, Record<string, Columns | null>>>;
  /** How the steps of the run that is looked at are doing. */
  states: ReadonlyMap<string, StepState>;
  run: string | null;
  mayEdit: boolean;
  /** Shows what came out of a step. */
  preview: (step: string, output: string) => void;
};

export const ViewContext = createContext<View | null>(null);

export function useView(): View {
  const view = useContext(ViewContext);
  if (view === null) throw new Error("There is no canvas.");
  return view;
}
