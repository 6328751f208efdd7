// Looks along the slots of a timetable without ever walking through a whole outage, in short steps.
import { MIN_SPACING_MS } from "./read-cron.ts";
import type { Timetable } from "./timetable.ts";

/** The most missed slots of a schedule that are made up for. */
export const MOST_SLOTS = 10_000;
/** Work that may be left after each of its steps, of some 4 ms: 50 slots at 75 µs, or a search by halves. */
export type Steps<Result> = Generator<undefined, Result>;

const STEP = 50;
/** At most 2,000 slots lie in it. */
const STRETCH_MS = 2_000 * MIN_SPACING_MS;

/** The first slot at or after `from`, of those at or after `due`, which is one. */
export function firstSlot(timetable: Timetable, due: number, from: number): number | null {
  return from <= due ? due : timetable.next(from - 1);
}

/** From `first` (a slot) to before `before`, oldest first, at most `most` of them. */
export function* listSlots(
  timetable: Timetable,
  first: number | null,
  before: number,
  most: number,
): Steps<number[]> {
  const slots: number[] = [];
  for (let at = first; at !== null && at < before && slots.length < most; at = timetable.next(at)) {
    slots.push(at);
    if (slots.length % STEP === 0) yield;
  }
  return slots;
}

/** The last slot before `before`, where `first` is a slot before it: found by halves, some 35 looks for a year. */
export function lastSlot(timetable: Timetable, first: number, before: number): number {
  let last = first;
  for (let end = before; end - last > 1; ) {
    const middle = Math.floor((last + end) / 2);
    const slot = timetable.next(middle - 1);
    if (slot !== null && slot < end) last = slot;
    else end = middle;
  }
  return last;
}

/** Of the newest 10,000 slots from `first` (a slot) to before `before` the first ones, oldest first, at most `most`. */
export function* newestSlots(
  timetable: Timetable,
  first: number | null,
  before: number,
  most: number,
): Steps<number[]> {
  // In a time that is too short for more than 10,000 of them nothing needs to be counted.
  const isShort = first !== null && before - first <= MOST_SLOTS * MIN_SPACING_MS;
  const forward = yield* listSlots(timetable, first, before, isShort ? most : MOST_SLOTS + 1);
  if (first === null || forward.length <= MOST_SLOTS) return forward.slice(0, most);
  const stretches: number[][] = [];
  let found = 0;
  for (let end = before; found < MOST_SLOTS; ) {
    // At least MOST_SLOTS lie before `before`, so there is always one more to find.
    const last = lastSlot(timetable, first, end);
    const from = timetable.next(Math.max(last - STRETCH_MS, first - 1)) ?? last;
    const stretch = yield* listSlots(timetable, from, end, MOST_SLOTS);
    stretches.unshift(stretch);
    found += stretch.length;
    end = from;
  }
  return stretches.flat().slice(-MOST_SLOTS).slice(0, most);
}
