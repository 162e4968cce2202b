import { expect, test, vi } from "vitest";
import type { RunRecord } from "../../src/api/client";

vi.hoisted(() => vi.stubGlobal("location", { origin: "http://lab.test" })); // the client asks where it is

import { advice } from "../../src/home/advice";

const run = (id: string, experiment: string, status = "Completed") => ({ id, experiment, status, type: "script", display_name: id }) as RunRecord;

test("completed runs of the newest experiment that has several are worth comparing", () => {
  const runs = [run("a", "alone"), run("b", "many"), run("c", "many", "Failed"), run("d", "many"), run("e", "older"), run("f", "older")];
  const [found] = advice(runs);
  expect(found?.values).toEqual({ n: 2, experiment: "many" });
  expect(found?.to("lab")).toBe("/lab/compare?runs=b%2Cd");
  expect(advice([run("a", "alone"), run("b", "other")])).toEqual([]);
});

test("the newest run is looked at if it failed, and only then", () => {
  expect(advice([run("a", "x", "Failed"), run("b", "y")]).map(({ action }) => action)).toEqual(["advice.look"]);
  expect(advice([run("b", "y"), run("a", "x", "Failed")])).toEqual([]);
});
