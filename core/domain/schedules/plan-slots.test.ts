// An outage over 1, 60, 1,440 and very many slots under each policy: what fires and what is skipped, to the slot.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DueSchedule, type Misfire, planSlots, type SlotPlan } from "./plan-slots.ts";
import { readTimetable } from "./timetable.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DUE = Date.UTC(2026, 5, 1);
const everyMinute = readTimetable({ cron: "* * * * *" });

function plan(misfire: Misfire, change: Partial<DueSchedule> = {}, timetable = everyMinute): SlotPlan {
  const usual = { due: DUE, now: DUE, toleranceMs: MINUTE, maxLatenessMs: null, limit: 100_000 };
  return planSlots(timetable, { ...usual, misfire, ...change });
}

/** `count` slots a minute apart from the `from`th after DUE. */
const minutes = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => DUE + (from + i) * MINUTE);

test("a slot that is not due yet, or exactly due, or late by all that is tolerated", () => {
  for (const misfire of ["skip", "once", "all"] as const) {
    const early = plan(misfire, { now: DUE - 1 });
    assert.deepEqual(early, { fire: [], skipped: [], nextRunAt: DUE });
    const exact = plan(misfire);
    assert.deepEqual(exact, { fire: [DUE], skipped: [], nextRunAt: DUE + MINUTE });
    const late = plan(misfire, { now: DUE + MINUTE });
    assert.deepEqual(late, { fire: [DUE, DUE + MINUTE], skipped: [], nextRunAt: DUE + 2 * MINUTE });
  }
});

// An outage of n minutes and a half: the newest slot is 30 s late and on time, n others are missed.
for (const missed of [1, 60, 1_440]) {
  const now = DUE + missed * MINUTE + MINUTE / 2;
  const nextRunAt = DUE + (missed + 1) * MINUTE;
  // The slot a minute and a half before `now` is the newest missed one.
  const gone = { first: DUE, last: DUE + (missed - 1) * MINUTE, slots: missed };

  test(`skip after ${missed} missed slots: the one on time fires, ${missed} are missed`, () => {
    assert.deepEqual(plan("skip", { now }), {
      fire: minutes(missed, 1),
      skipped: [{ ...gone, reason: "missed" }],
      nextRunAt,
    });
  });

  test(`once after ${missed} missed slots: the one on time stands for all of them`, () => {
    assert.deepEqual(plan("once", { now }), {
      fire: minutes(missed, 1),
      skipped: [{ ...gone, reason: "replaced" }],
      nextRunAt,
    });
  });

  test(`all after ${missed} missed slots: ${missed + 1} fire, oldest first`, () => {
    assert.deepEqual(plan("all", { now }), { fire: minutes(0, missed + 1), skipped: [], nextRunAt });
  });

  test(`none of ${missed} slots is on time: skip fires none, once the newest, all each`, () => {
    const hourly = readTimetable({ cron: "0 * * * *" });
    const at = DUE + (missed - 1) * HOUR + HOUR / 2;
    const last = DUE + (missed - 1) * HOUR;
    const next = last + HOUR;
    assert.deepEqual(plan("skip", { now: at }, hourly), {
      fire: [],
      skipped: [{ first: DUE, last, slots: missed, reason: "missed" }],
      nextRunAt: next,
    });
    const older = { first: DUE, last: last - HOUR, slots: missed - 1, reason: "replaced" };
    assert.deepEqual(plan("once", { now: at }, hourly), {
      fire: [last],
      skipped: missed > 1 ? [older] : [],
      nextRunAt: next,
    });
    const all = plan("all", { now: at }, hourly);
    assert.equal(all.fire.length, missed);
    assert.deepEqual([all.fire[0], all.fire.at(-1), all.skipped, all.nextRunAt], [DUE, last, [], next]);
  });
}

test("a limit leaves the rest due, and what was skipped is told once", () => {
  const now = DUE + 60 * MINUTE + MINUTE / 2;
  const fired: number[] = [];
  let due: number | null = DUE;
  const passes: number[] = [];
  while (due !== null && due <= now) {
    const { fire, skipped, nextRunAt }: SlotPlan = plan("all", {
      due,
      now,
      limit: 25,
      maxLatenessMs: 50 * MINUTE,
    });
    passes.push(fire.length);
    fired.push(...fire);
    assert.equal(skipped.length, passes.length === 1 ? 1 : 0);
    due = nextRunAt;
  }
  // Those of 11 and more: 50 min 30 s late is too late, 49 min 30 s is not.
  assert.deepEqual(fired, minutes(11, 50));
  assert.deepEqual(passes, [25, 25]);
  assert.equal(due, DUE + 61 * MINUTE);
});

test("once within the limit of lateness only; on time it fires whatever the limit of lateness", () => {
  const hourly = readTimetable({ cron: "0 * * * *" });
  const now = DUE + 5 * HOUR + 10 * MINUTE;
  const last = DUE + 5 * HOUR;
  const tight = plan("once", { now, maxLatenessMs: 5 * MINUTE }, hourly);
  assert.deepEqual(tight.fire, []);
  assert.deepEqual(tight.skipped, [{ first: DUE, last, slots: 6, reason: "too_late" }]);
  const wide = plan("once", { now, maxLatenessMs: 10 * MINUTE }, hourly);
  assert.deepEqual(wide.fire, [last]);
  assert.deepEqual(plan("all", { now: DUE + 30_000, maxLatenessMs: 1_000 }).fire, [DUE]);
});

test("all makes up for the newest 10,000 missed slots, and says what it left out", () => {
  const now = DUE + 12_000 * MINUTE + MINUTE / 2;
  const { fire, skipped, nextRunAt } = plan("all", { now });
  assert.deepEqual(fire, minutes(2_000, 10_001));
  const tooMany = { first: DUE, last: DUE + 1_999 * MINUTE, slots: 2_000, reason: "too_many" };
  assert.deepEqual(skipped, [tooMany]);
  assert.equal(nextRunAt, DUE + 12_001 * MINUTE);
  const late = plan("all", { now, maxLatenessMs: 10_500 * MINUTE });
  assert.deepEqual(
    late.skipped.map(({ slots, reason }) => [slots, reason]),
    [
      [1_501, "too_late"],
      [499, "too_many"],
    ],
  );
  assert.deepEqual(late.fire, fire);
});
