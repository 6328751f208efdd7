// Laws change what a zone's clocks show; the slot to come follows, once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { moveSlot } from "./move-slot.ts";
import { readTimetable, type Timetable } from "./timetable.ts";

const at = (time: string) => Date.parse(`2031-03-${time}:00Z`);
/** 02:30 every day, where the new data has clocks an hour ahead of, or behind, UTC+1. */
const [ahead, behind] = ["Etc/GMT-2", "UTC"].map((timezone) =>
  readTimetable({ cron: "30 2 * * *", timezone }),
);
const move = (timetable: Timetable | undefined, stored: string, now: string, handled: string | null) => {
  assert.ok(timetable);
  const known = handled === null ? null : at(handled);
  const moved = moveSlot(timetable, { stored: at(stored), now: at(now), handled: known });
  return new Date(moved).toISOString().slice(8, 16);
};

test("a slot to come moves with its wall time, whichever way and however it was handled before", () => {
  assert.equal(move(ahead, "10T01:30", "09T20:00", "09T01:30"), "10T00:30");
  assert.equal(move(behind, "10T01:30", "09T20:00", "09T01:30"), "10T02:30");
  assert.equal(move(behind, "10T01:30", "09T20:00", null), "10T02:30");
  assert.equal(move(ahead, "10T01:30", "09T20:00", "08T01:30"), "10T00:30");
});

test("one whose new time has passed comes at its old one, and is not lost", () => {
  assert.equal(move(ahead, "10T01:30", "10T01:00", "09T01:30"), "10T01:30");
  assert.equal(move(ahead, "10T01:30", "10T00:30", null), "10T01:30");
});

test("one that fired under its old time does not come again under its new one", () => {
  assert.equal(move(behind, "11T01:30", "10T02:00", "10T01:30"), "11T02:30");
  assert.equal(move(behind, "11T01:30", "10T02:30", "10T01:30"), "11T02:30");
});

test("what is right stays, and so does what has no successor", () => {
  const same = readTimetable({ cron: "30 2 * * *", timezone: "Etc/GMT-1" });
  assert.equal(move(same, "10T01:30", "09T20:00", "09T01:30"), "10T01:30");
  const ends = readTimetable({ cron: "30 2 * * *", timezone: "UTC", endAt: at("10T02:00") });
  assert.equal(move(ends, "10T01:30", "09T20:00", "09T01:30"), "10T01:30");
  const often = readTimetable({ cron: "*/5 * * * *", timezone: "UTC" });
  assert.equal(move(often, "10T01:35", "10T01:31", "10T01:30"), "10T01:35");
});
