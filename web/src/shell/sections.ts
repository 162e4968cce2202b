import type { IconName } from "../parts/icon";
import type { Key } from "../text/text";

export type Section = { path: string; title: Key; icon: IconName };

/** The parts of a workspace, in the order of the navigation. */
export const SECTIONS: Section[] = [
  { path: "", title: "home.title", icon: "home" },
  { path: "experiments", title: "experiments.title", icon: "flask" },
  { path: "runs", title: "runs.title", icon: "list" },
  { path: "designer", title: "designer.title", icon: "pencil" },
  { path: "pipelines", title: "pipelines.title", icon: "graph" },
  { path: "schedules", title: "schedules.title", icon: "clock" },
  { path: "notifications", title: "notifications.title", icon: "bell" },
  { path: "datasets", title: "datasets.title", icon: "table" },
  { path: "models", title: "models.title", icon: "cube" },
  { path: "services", title: "services.title", icon: "plug" },
  { path: "compute", title: "compute.title", icon: "chip" },
  { path: "settings", title: "settings.title", icon: "gear" },
];
