import { expect, test } from "vitest";
import { begun, limitsOf, momentIn, timingOf, triggerOf } from "../../src/schedules/trigger";

test("a time on the clocks of a zone is a moment, on both sides of their changes", () => {
  expect(momentIn("UTC", "2026-11-30T06:00")).toBe("2026-11-30T06:00:00.000Z");
  expect(momentIn("Europe/Lisbon", "2026-07-01T06:00")).toBe("2026-07-01T05:00:00.000Z");
  expect(momentIn("America/New_York", "2026-03-08T03:30")).toBe("2026-03-08T07:30:00.000Z");
  expect(momentIn("America/New_York", "2026-03-08T01:30")).toBe("2026-03-08T06:30:00.000Z");
  expect(momentIn("Asia/Kathmandu", "2026-01-01T00:00")).toBe("2025-12-31T18:15:00.000Z");
});

test("a recurrence goes with its limits, and data have limits alone", () => {
  const typed = { ...begun("Europe/Lisbon"), start: "2026-12-01T00:00" };
  expect(timingOf(typed)).toEqual({
    recurrence: { frequency: "Day", interval: 1, time_zone: "Europe/Lisbon", time_of_day: "06:30" },
    start: "2026-12-01T00:00:00.000Z", end: null,
  });
  const onData = { ...typed, way: "dataset" as const, dataset: "cars" };
  expect(timingOf(onData)).toBeNull();
  expect({ ...triggerOf(onData), ...limitsOf(onData) }).toEqual({ dataset: "cars", start: "2026-12-01T00:00:00.000Z", end: null });
});
