import { expect, test } from "vitest";
import { triggerWords } from "../../src/schedules/words";
import { en } from "../../src/text/en";
import { pt } from "../../src/text/pt";
import { made } from "../../src/text/text";

const english = made(en, "en", "en-GB");
const portuguese = made(pt, "pt", "pt-PT");

test("a recurrence is said in words of the page's language", () => {
  const weekly = { kind: "recurrence", frequency: "Week", interval: 2, hours: [6, 18], minutes: [30], week_days: ["Monday", "Friday"], time_zone: "Europe/Lisbon" };
  expect(triggerWords(english, weekly)).toBe("Every 2 weeks on Monday and Friday at 06:30 and 18:30 (Europe/Lisbon)");
  expect(triggerWords(portuguese, weekly)).toBe("Cada 2 semanas em segunda-feira e sexta-feira às 06:30 e 18:30 (Europe/Lisbon)");
  expect(triggerWords(english, { kind: "recurrence", cron: "30 6 * * 1", time_zone: "UTC" })).toBe("cron 30 6 * * 1 (UTC)");
});

test("a start is said where it says the time, on the clocks of the zone", () => {
  const monthly = { kind: "recurrence", frequency: "Month", start_time: "2027-01-01T02:00:00+00:00", time_zone: "Africa/Lagos" };
  expect(triggerWords(english, monthly)).toBe("Every month from 1 Jan 2027, 03:00 (Africa/Lagos)");
  expect(triggerWords(english, { ...monthly, hours: [6] })).toBe("Every month at 06:00 (Africa/Lagos)");
});

test("what fires on data and after others says on which and after which", () => {
  expect(triggerWords(english, { kind: "data", datastore: "lake", path: "in/*.csv" })).toBe("New files in lake: in/*.csv");
  expect(triggerWords(english, { kind: "dataset", dataset: "cars" })).toBe("New versions of the dataset cars");
  expect(triggerWords(portuguese, { kind: "after", schedule: "nightly", on: "Failed" })).toBe("Depois do agendamento nightly, se terminou como: Falhou");
});
