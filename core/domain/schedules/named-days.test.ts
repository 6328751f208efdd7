// Days named by their place in a month (L, 15W, 5L, 5#3, +5), on and around the days on which clocks change.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import {
  any,
  type Field,
  fitsDay,
  intervalSlots,
  type Pattern,
  stretchOf,
  wallSlots,
} from "../../../test/support/reckon-slots.ts";
import { AppError } from "../app-error.ts";
import { readTimetable } from "./timetable.ts";

const SEED = 20_261_124;
const CASES = 300;
const ZONES = [
  ...[
    "Africa/Cairo",
    "America/Havana",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "Antarctica/Troll",
  ],
  ...[
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Auckland",
    "UTC",
  ],
];

const named = (text: string, has: Field["has"]): Field => ({ text, isWild: false, has });
const isWorkday = (date: Temporal.PlainDate) => date.dayOfWeek <= 5;

/** The workday nearest to a day, within its month. */
function nearestWorkday(day: Temporal.PlainDate): Temporal.PlainDate {
  const around = [0, -1, 1, -2, 2].map((days) => day.add({ days }));
  return around.find((date) => isWorkday(date) && date.month === day.month) ?? day;
}

const lastDay = named("L", (day, { daysInMonth }) => day === daysInMonth);
const workdayNear = (nth: number) =>
  named(
    `${nth}W`,
    (_, date) => nth <= date.daysInMonth && nearestWorkday(date.with({ day: nth })).equals(date),
  );
const nthWeekday = (weekday: number, nth: number) =>
  named(`${weekday}#${nth}`, (value, { day }) => value === weekday && Math.ceil(day / 7) === nth);
const lastWeekday = (weekday: number) =>
  named(`${weekday}L`, (value, { day, daysInMonth }) => value === weekday && day + 7 > daysInMonth);
const plainDay = (day: number) => named(String(day), (value) => value === day);
const plainWeekday = (weekday: number) => named(String(weekday), (value) => value === weekday);

/** Named so that a good part of them fall on `date` or next to it. */
function fieldsNear(date: Temporal.PlainDate): fc.Arbitrary<Pick<Pattern, "day" | "weekday" | "isBoth">> {
  const near = fc.integer({ min: -1, max: 1 }).map((days) => date.add({ days }));
  const day = near.chain((one) =>
    fc.constantFrom(lastDay, workdayNear(one.day), plainDay(one.day), workdayNear(date.daysInMonth)),
  );
  const weekday = near.chain(({ dayOfWeek, day: nth }) => {
    const of = dayOfWeek % 7;
    return fc.constantFrom(nthWeekday(of, Math.ceil(nth / 7)), lastWeekday(of), plainWeekday(of));
  });
  return fc.oneof(
    fc.record({ day, weekday: fc.constant(any) }),
    fc.record({ day: fc.constant(any), weekday }),
    fc.record({ day, weekday, isBoth: fc.boolean() }),
  );
}

const list = (high: number) =>
  fc
    .uniqueArray(fc.integer({ min: 0, max: high }), { minLength: 1, maxLength: 3 })
    .map((of) => named(of.join(","), (value) => of.includes(value)));
const half: Field = { text: "*/30", isWild: true, has: (minute) => minute % 30 === 0 };

const cases = fc
  .record({
    zone: fc.constantFrom(...ZONES),
    year: fc.constantFrom(2024, 2026, 2027, 2031),
    nth: fc.nat(200),
    minute: fc.oneof({ weight: 5, arbitrary: list(59) }, fc.constant(half)),
    hour: fc.oneof(list(3), list(23)),
  })
  .chain((one) => {
    const [from] = stretchOf(one.zone, one.year, one.nth);
    const change = Temporal.Instant.fromEpochMilliseconds(from + 4 * 3_600_000).toZonedDateTimeISO(one.zone);
    return fieldsNear(change.toPlainDate()).map((fields) => ({
      ...one,
      ...fields,
      date: change.toPlainDate(),
    }));
  });

test(`${CASES} patterns with days named by their place have the slots of those days (seed ${SEED})`, () => {
  let [slotsSeen, onTheDay] = [0, 0];
  const property = fc.property(cases, ({ zone, date, ...pattern }) => {
    const { minute, hour, day, weekday, isBoth } = pattern;
    const cron = `${minute.text} ${hour.text} ${day.text} * ${isBoth ? "+" : ""}${weekday.text}`;
    const reckon = minute.isWild ? intervalSlots : wallSlots;
    // Minute by minute a month would take a second.
    const days = minute.isWild ? 1 : 40;
    const around = (by: number) => date.add({ days: by }).toZonedDateTime(zone).epochMilliseconds;
    const [from, to] = [around(-days), around(days)];
    const wanted = [...reckon(pattern, zone, from, to)]
      .filter((at) => at > from && at <= to)
      .sort((a, b) => a - b);
    const next = findNext(cron, zone);
    const got: number[] = [];
    for (let at = next(from); at !== null && at <= to; at = next(at)) got.push(at);
    assert.deepEqual(got.map(iso), wanted.map(iso), `${cron} in ${zone}`);
    slotsSeen += wanted.length;
    if (fitsDay(pattern, date)) onTheDay++;
  });
  fc.assert(property, { seed: SEED, numRuns: CASES });
  assert.ok(slotsSeen > CASES * 3 && onTheDay > CASES / 8, `${slotsSeen} ${onTheDay}`);
});

/** A last day that is also the first Tuesday never comes. */
function findNext(cron: string, timezone: string): (after: number) => number | null {
  try {
    return readTimetable({ cron, timezone }).next;
  } catch (error) {
    if (error instanceof AppError && error.code === "cron_impossible") return () => null;
    throw error;
  }
}

const iso = (at: number) => new Date(at).toISOString();
