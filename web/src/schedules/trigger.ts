/** What was typed in the form of a schedule, and what the interface makes of it. */

export const WAYS = ["time", "dataset", "files", "after"] as const;
export const FREQUENCIES = ["Minute", "Hour", "Day", "Week", "Month", "cron"] as const;
export const WEEK_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

export const OVERLAPS = ["skip", "queue", "replace"] as const;
export const CATCH_UPS = ["latest", "skip", "all"] as const;
export type Overlap = (typeof OVERLAPS)[number];
export type CatchUp = (typeof CATCH_UPS)[number];

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
  /** On the clocks of the time zone, as 2026-11-30T06:00; empty for no such limit. */
  start: string;
  end: string;
  overlap: Overlap;
  catchUp: CatchUp;
};

export function begun(timeZone: string): Typed {
  return {
    way: "time", frequency: "Day", interval: "1", cron: "", timeOfDay: "06:30", weekDays: [], timeZone,
    dataset: null, datastore: null, path: "", after: null, afterStatus: "Completed",
    start: "", end: "", overlap: "skip", catchUp: "latest",
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

/** The recurrence with its limits, or null where there is none yet. */
export function timingOf(typed: Typed) {
  const recurrence = recurrenceOf(typed);
  return recurrence && { recurrence, ...limitsOf(typed) };
}

/** Nothing fires before and after these. */
export function limitsOf({ start, end, timeZone }: Typed): { start: string | null; end: string | null } {
  return { start: start ? momentIn(timeZone, start) : null, end: end ? momentIn(timeZone, end) : null };
}

/** The moment at which the clocks of a zone show a time. */
export function momentIn(timeZone: string, shown: string): string {
  const asUtc = Date.parse(`${shown}Z`);
  const near = asUtc - aheadOfUtc(timeZone, asUtc); // it may be on the other side of a change of the clocks
  return new Date(asUtc - aheadOfUtc(timeZone, near)).toISOString();
}

/** How far the clocks of a zone are ahead of UTC, in milliseconds. */
function aheadOfUtc(timeZone: string, time: number): number {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(time);
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) - time;
}

/** What says when, as a new schedule has it. */
export function triggerOf(typed: Typed): Record<string, unknown> {
  if (typed.way === "time") return { recurrence: recurrenceOf(typed) };
  if (typed.way === "dataset") return { dataset: typed.dataset };
  if (typed.way === "files") return { datastore: typed.datastore, path_on_datastore: typed.path || null };
  const [kind, name] = (typed.after ?? "").split(" ");
  return { [kind === "schedule" ? "after_schedule" : "after"]: name, after_status: typed.afterStatus };
}
