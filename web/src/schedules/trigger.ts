/** What was typed in the form of a schedule, and what the interface makes of it. */

export const WAYS = ["time", "dataset", "files", "after"] as const;
export const FREQUENCIES = ["Minute", "Hour", "Day", "Week", "Month", "cron"] as const;
export const WEEK_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

export type Typed = {
  way: (typeof WAYS)[number];
  frequency: (typeof FREQUENCIES)[number];
  interval: string;
  cron: string;
  timeOfDay: string;
  weekDays: string[];
  timeZone: string;
  dataset: string | null;
  datastore: string | null;
  path: string;
  /** "pipeline NAME" or "schedule NAME". */
  after: string | null;
  afterStatus: string;
};

export function begun(timeZone: string): Typed {
  return {
    way: "time", frequency: "Day", interval: "1", cron: "", timeOfDay: "06:30", weekDays: [], timeZone,
    dataset: null, datastore: null, path: "", after: null, afterStatus: "Completed",
  };
}

/** Whether times of day go with a frequency. */
export const isByCalendar = (frequency: Typed["frequency"]) => ["Day", "Week", "Month"].includes(frequency);

/** The recurrence, or null where there is none yet. */
export function recurrenceOf(typed: Typed): Record<string, unknown> | null {
  const { frequency, cron, interval, timeOfDay, weekDays, timeZone } = typed;
  if (typed.way !== "time") return null;
  if (frequency === "cron") return cron.trim() ? { cron: cron.trim(), time_zone: timeZone } : null;
  return {
    frequency, interval: Number(interval), time_zone: timeZone,
    ...(isByCalendar(frequency) && timeOfDay && { time_of_day: timeOfDay }),
    ...(frequency === "Week" && weekDays.length > 0 && { week_days: weekDays }),
  };
}

/** What says when, as a new schedule has it. */
export function triggerOf(typed: Typed): Record<string, unknown> {
  if (typed.way === "time") return { recurrence: recurrenceOf(typed) };
  if (typed.way === "dataset") return { dataset: typed.dataset };
  if (typed.way === "files") return { datastore: typed.datastore, path_on_datastore: typed.path || null };
  const [kind, name] = (typed.after ?? "").split(" ");
  return { [kind === "schedule" ? "after_schedule" : "after"]: name, after_status: typed.afterStatus };
}
