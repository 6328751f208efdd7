// The slots of days on which clocks go forward or back, and of days that few years have, against a table made by hand.
import assert from "node:assert/strict";
import { test } from "node:test";
import table from "./golden-slots.json" with { type: "json" };
import { readTimetable } from "./timetable.ts";

const iso = (slot: number | null) => slot && new Date(slot).toISOString();

for (const { name, cron, timezone, slots } of table) {
  test(`${name} (${cron})`, () => {
    const { next, has } = readTimetable({ cron, timezone });
    const wanted = slots.map((slot) => Date.parse(slot));
    for (const [index, slot] of wanted.entries()) {
      const before = wanted[index - 1];
      // From the slot before it, and from any other instant in between: seconds after that slot, and just before this.
      const asked =
        before === undefined ? [slot - 1] : [before, before + 2_500, (before + slot) / 2, slot - 1];
      for (const at of asked) assert.equal(iso(next(at)), iso(slot), `after ${iso(at)}`);
      assert.ok(has(slot));
      assert.ok(!has(slot + 1_000) && !has(slot - 1_000));
    }
  });
}

test("the table is not empty", () => assert.ok(table.length >= 35));
