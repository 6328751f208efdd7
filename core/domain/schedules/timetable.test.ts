// What a timetable refuses, by name; its window; and that its answers do not depend on what was asked before.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "../app-error.ts";
import { readTimetable, type TimetableInput } from "./timetable.ts";

const refused: readonly [string, TimetableInput][] = [
  ["cron_or_run_at", {}],
  ["cron_or_run_at", { cron: "0 0 * * *", runAt: new Date(0) }],
  ["cron_empty", { cron: "" }],
  ["cron_empty", { cron: " \t\n " }],
  ["cron_invalid", { cron: "0 0 * *" }],
  ["cron_invalid", { cron: "0 0 0 1 1 * 2030" }],
  ["cron_invalid", { cron: "@daily" }],
  ["cron_invalid", { cron: "2026-01-01T00:00:00" }],
  ["cron_invalid", { cron: "60 * * * *" }],
  ["cron_invalid", { cron: "0 24 * * *" }],
  ["cron_invalid", { cron: "0 0 0 * *" }],
  ["cron_invalid", { cron: "0 0 * 13 *" }],
  ["cron_invalid", { cron: "0 0 * * 8" }],
  ["cron_invalid", { cron: "*/0 * * * *" }],
  ["cron_invalid", { cron: "5-1 * * * *" }],
  ["cron_invalid", { cron: "every day at noon please" }],
  ["cron_invalid", { cron: `0 0 * * ${"1,".repeat(200)}1` }],
  ["cron_impossible", { cron: "0 0 30 2 *" }],
  ["cron_impossible", { cron: "0 0 31 2,4,6,9,11 *", timezone: "America/New_York" }],
  ["cron_too_frequent", { cron: "* * * * * *" }],
  ["cron_too_frequent", { cron: "*/2 * * * * *" }],
  ["cron_too_frequent", { cron: "0,4 0 0 1 1 *" }],
  ["cron_too_frequent", { cron: "0,57 * * * * *" }],
  ["cron_too_frequent", { cron: "0,57 0,59 23,0 * * *" }],
  ["unknown_timezone", { cron: "0 0 * * *", timezone: "" }],
  ["unknown_timezone", { cron: "0 0 * * *", timezone: "Mars/Olympus_Mons" }],
  ["unknown_timezone", { cron: "0 0 * * *", timezone: "+02:00" }],
  ["unknown_timezone", { runAt: new Date(0), timezone: "Local" }],
  ["schedule_window", { cron: "0 0 * * *", startAt: 2_000, endAt: 1_000 }],
  ["schedule_window", { cron: "0 0 1 1 *", startAt: Date.UTC(2026, 1, 1), endAt: Date.UTC(2026, 5, 1) }],
  ["schedule_window", { runAt: 5_000, endAt: 4_999 }],
  ["schedule_window", { runAt: 5_000, startAt: 5_001 }],
];

for (const [code, input] of refused) {
  test(`${JSON.stringify(input).slice(0, 90)} is refused as ${code}`, () => {
    assert.throws(
      () => readTimetable(input),
      (error) => error instanceof AppError && error.code === code && error.message.length > 20,
    );
  });
}

const accepted = [
  "*/5 * * * * *",
  "0,57 0 3 * * *",
  "? ? * * *",
  "0 0 L * *",
  "0 9 * * MON-FRI",
  "0 0 29 2 *",
];
for (const cron of accepted) {
  test(`${cron} is accepted`, () => {
    assert.ok(readTimetable({ cron, timezone: "Europe/Berlin" }).next(0) !== null);
  });
}

test("both ends of a window count, and nothing outside of it", () => {
  const noon = (day: number) => Date.UTC(2026, 0, day, 12);
  const { next, has } = readTimetable({ cron: "0 12 * * *", startAt: new Date(noon(2)), endAt: noon(4) });
  assert.deepEqual([next(0), next(noon(2)), next(noon(3)), next(noon(4))], [noon(2), noon(3), noon(4), null]);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((day) => has(noon(day))),
    [false, true, true, true, false],
  );
  assert.equal(has(noon(3) + 1), false);
});

test("an instant that is given is the one slot, to the millisecond", () => {
  const { next, has } = readTimetable({ runAt: new Date(1_234_567), startAt: 1_234_567, endAt: 1_234_567 });
  assert.deepEqual([next(0), next(1_234_566), next(1_234_567)], [1_234_567, 1_234_567, null]);
  assert.deepEqual([has(1_234_567), has(1_234_568)], [true, false]);
});

test("a slot is after the instant, whatever its milliseconds", () => {
  const { next } = readTimetable({ cron: "0 0 * * *" });
  const midnight = Date.UTC(2026, 0, 1);
  const asked = [midnight - 1_001, midnight - 1_000, midnight - 999, midnight - 1, midnight];
  assert.deepEqual(asked.map(next), [midnight, midnight, midnight, midnight, midnight + 86_400_000]);
});

test("the answers are the same in any order, and far along", () => {
  const minute = 60_000;
  const { next } = readTimetable({ cron: "* * * * *", timezone: "Asia/Kathmandu" });
  // Beyond what is remembered in a row.
  for (let at = 0; at < 17_000; at++) assert.equal(next(at * minute), (at + 1) * minute);
  for (let at = 17_000; at >= 0; at -= 37) {
    assert.equal(next(at * minute + 1), (at + 1) * minute);
    assert.equal(
      next((at * 7_919) % 1_000_003),
      (Math.floor(((at * 7_919) % 1_000_003) / minute) + 1) * minute,
    );
  }
});
