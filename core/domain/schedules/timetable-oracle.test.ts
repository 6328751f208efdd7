// Timetables against a reckoning of their rules that shares nothing with them: Temporal, a wall time or minute at a time.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  any,
  type Field,
  intervalSlots,
  type Pattern,
  stretchOf,
  wallSlots,
} from "../../../test/support/reckon-slots.ts";
import { readTimetable } from "./timetable.ts";

const SEED = 20_261_123;
const CASES = 300;
const ZONES = [
  ...["Africa/Cairo", "Africa/Casablanca", "America/Asuncion", "America/Havana", "America/Los_Angeles"],
  ...["America/New_York", "America/Nuuk", "America/Santiago", "America/Sao_Paulo", "America/St_Johns"],
  ...["Antarctica/Troll", "Asia/Amman", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Kolkata"],
  ...["Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide", "Australia/Lord_Howe"],
  ...["Europe/Berlin", "Europe/Dublin", "Europe/London", "Europe/Moscow", "Pacific/Auckland"],
  ...["Pacific/Chatham", "Pacific/Easter", "Pacific/Norfolk", "UTC"],
];

/** Any form that a field has, of values near each other; steps count from the `first` that the field can hold: single values and lists, ranges, and the wild ones. */
function fieldOf(low: number, high: number, first = low): fc.Arbitrary<Field> {
  const value = fc.integer({ min: low, max: high });
  const list = fc.uniqueArray(value, { minLength: 1, maxLength: 3 });
  return fc.oneof(
    { weight: 3, arbitrary: list.map((of) => field(of.join(","), false, (v) => of.includes(v))) },
    {
      weight: 1,
      arbitrary: fc.tuple(value, value).map(([a, b]) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        return field(`${from}-${to}`, false, (v) => v >= from && v <= to);
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(2, 3, 5, 7)
        .map((by) => field(`*/${by}`, true, (v) => (v - first) % by === 0)),
    },
    { weight: 1, arbitrary: fc.constant(any) },
  );
}

function field(text: string, isWild: boolean, has: Field["has"]): Field {
  return { text, isWild, has };
}
const patterns: fc.Arbitrary<Pattern> = fc.record({
  minute: fieldOf(0, 59),
  // Near the hours at which clocks are changed.
  hour: fc.oneof(fieldOf(0, 4), fieldOf(0, 23), fieldOf(22, 23, 0)),
  day: fc.oneof({ weight: 3, arbitrary: fc.constant(any) }, fieldOf(1, 31)),
  weekday: fc.oneof({ weight: 3, arbitrary: fc.constant(any) }, fieldOf(0, 6)),
});

test(`${CASES} patterns over ${ZONES.length} zones have the slots that their rules give (seed ${SEED})`, () => {
  let [slotsSeen, intervals] = [0, 0];
  const cases = fc.record({
    pattern: patterns,
    zone: fc.constantFrom(...ZONES),
    year: fc.constantFrom(2018, 2024, 2026, 2027, 2031),
    nth: fc.nat(200),
    asked: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 4, maxLength: 4 }),
  });
  const property = fc.property(cases, ({ pattern, zone, year, nth, asked }) => {
    const { minute, hour, day, weekday } = pattern;
    const cron = [minute, hour, day, any, weekday].map(({ text }) => text).join(" ");
    const [from, to] = stretchOf(zone, year, nth);
    const isInterval = minute.isWild || hour.isWild;
    const reckoned = (isInterval ? intervalSlots : wallSlots)(pattern, zone, from, to);
    const wanted = [...reckoned].filter((at) => at > from && at <= to).sort((a, b) => a - b);
    const { next } = readTimetable({ cron, timezone: zone });
    const got: number[] = [];
    for (let at = next(from); at !== null && at <= to; at = next(at)) got.push(at);
    assert.deepEqual(got.map(iso), wanted.map(iso), `${cron} in ${zone}`);
    for (const part of asked) {
      const at = Math.floor(from + part * (to - from));
      const first = wanted.find((slot) => slot > at);
      const answer = next(at);
      if (first !== undefined) assert.equal(answer, first, `${cron} in ${zone} after ${iso(at)}`);
      else assert.ok(answer === null || answer > to, `${cron} in ${zone} after ${iso(at)}`);
    }
    slotsSeen += wanted.length;
    if (isInterval) intervals++;
  });
  fc.assert(property, { seed: SEED, numRuns: CASES });
  assert.ok(slotsSeen > CASES * 3 && intervals > CASES / 5 && intervals < CASES, `${slotsSeen} ${intervals}`);
});

const iso = (at: number) => new Date(at).toISOString();
