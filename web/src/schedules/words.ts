/** What schedules and their firings say, in words. */
import type { Key, Text } from "../text/text";
import { WEEK_DAYS } from "./trigger";

type Trigger = Record<string, unknown>;

/** When a schedule fires: "Every 2 weeks on Monday and Friday at 06:30 (UTC)". */
export function triggerWords(text: Text, trigger: Trigger): string {
  const { kind, dataset = "", datastore, path, pipeline, schedule, on } = trigger as Record<string, string | undefined>;
  if (kind === "dataset") return text("schedules.said.dataset", { name: dataset });
  if (kind === "data") return text("schedules.said.files", { place: [datastore, path].filter(Boolean).join(": ") });
  if (kind !== "after") return recurrenceWords(text, trigger);
  const status = text(on === "any" ? "schedules.anyStatus" : (`status.${on ?? "Completed"}` as Key));
  return text(schedule ? "schedules.said.schedule" : "schedules.said.pipeline", { name: schedule ?? pipeline ?? "", status });
}

type Recurrence = {
  cron?: string; frequency?: string; interval?: number; hours?: number[]; minutes?: number[]; week_days?: string[];
  start_time?: string; time_zone?: string;
};

function recurrenceWords(text: Text, trigger: Trigger): string {
  const { cron, frequency = "", interval = 1, hours, minutes, week_days: days, start_time: start, time_zone: timeZone = "UTC" } = trigger as Recurrence;
  if (cron !== undefined) return `cron ${cron} (${timeZone})`;
  const list = (all: string[]) => new Intl.ListFormat(text.region, { type: "conjunction" }).format(all);
  const unit = new Intl.NumberFormat(text.region, { style: "unit", unit: frequency.toLowerCase(), unitDisplay: "long" });
  const begun = new Intl.DateTimeFormat(text.region, { dateStyle: "medium", timeStyle: "short", timeZone });
  const parts = [
    `${text("schedules.every")} ${interval === 1 ? text(`schedules.every.${frequency}` as Key) : unit.format(interval)}`,
    days && text("schedules.said.days", { days: list(days.map((day) => dayName(text.region, WEEK_DAYS.findIndex((each) => each === day)))) }),
    hours && text("schedules.said.at", { times: list(timesOf(hours, minutes)) }),
    !hours && start && text("schedules.said.from", { time: begun.format(new Date(start)) }),
  ];
  return `${parts.filter(Boolean).join(" ")} (${timeZone})`;
}

function timesOf(hours: number[], minutes: number[] = [0]): string[] {
  const two = (value: number) => String(value).padStart(2, "0");
  return hours.flatMap((hour) => minutes.map((minute) => `${two(hour)}:${two(minute)}`));
}

/** 2024 began on a Monday. */
export function dayName(region: string, index: number): string {
  return new Intl.DateTimeFormat(region, { weekday: "long", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + index));
}

/** How far a firing is. */
export const FIRING_STATES: Record<string, Key> = {
  decided: "schedules.state.decided", submitted: "schedules.state.submitted", ended: "schedules.state.ended",
  skipped: "schedules.state.skipped", missed: "schedules.state.missed", failed: "status.Failed",
};
