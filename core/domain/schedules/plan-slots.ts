// What becomes of the slots of a schedule that are due: which fire, which do not and why, and when to look again.
import { firstSlot, lastSlot, listSlots, newestSlots, type Steps } from "./list-slots.ts";
import type { Timetable } from "./timetable.ts";

export type Misfire = "skip" | "once" | "all";
export type MissReason = "missed" | "replaced" | "too_late" | "too_many";

export type DueSchedule = {
  /** Its next_run_at: the first slot that nobody has dealt with. All instants are ms since the epoch. */
  due: number;
  now: number;
  misfire: Misfire;
  /** A slot that is later than this is a missed one. */
  toleranceMs: number;
  /** Missed slots later than this never fire; null: however late. */
  maxLatenessMs: number | null;
  /** The most slots to fire at once, at least 1. */
  limit: number;
};

/** Beyond so many, slots that do not fire are not counted: each takes 75 µs. 33 hours of one a minute. */
export const MOST_COUNTED = 2_000;

/** A row of neighbouring slots that do not fire; `slots` is null when they are more than MOST_COUNTED. */
export type SkippedSlots = { first: number; last: number; slots: number | null; reason: MissReason };

export type SlotPlan = {
  /** Oldest first. */
  fire: number[];
  /** Oldest first, all before the first that fires. */
  skipped: SkippedSlots[];
  /** The first slot that this plan says nothing about: still due when `limit` cut it short. Null: no more. */
  nextRunAt: number | null;
};

type Missed = { fire: number[]; skipped: SkippedSlots[] };

/** All steps at once: up to 1.5 s for a backlog of more than 10,000 slots that is made up for. */
export function planSlots(timetable: Timetable, schedule: DueSchedule): SlotPlan {
  const steps = planInSteps(timetable, schedule);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Pure. What it looks at does not grow with an outage. */
export function* planInSteps(timetable: Timetable, schedule: DueSchedule): Steps<SlotPlan> {
  const { due, now, limit } = schedule;
  if (due > now) return { fire: [], skipped: [], nextRunAt: due };
  const onTimeFrom = now - schedule.toleranceMs;
  const missed =
    due < onTimeFrom ? yield* planMissed(timetable, schedule, onTimeFrom) : { fire: [], skipped: [] };
  const room = limit + 1 - missed.fire.length;
  const onTime =
    room > 0 ? yield* listSlots(timetable, firstSlot(timetable, due, onTimeFrom), now + 1, room) : [];
  const fire = [...missed.fire, ...onTime];
  return {
    fire: fire.slice(0, limit),
    skipped: missed.skipped,
    nextRunAt: fire[limit] ?? timetable.next(now),
  };
}

/** Those from `due` up to `onTimeFrom`, of which there is at least one. */
function* planMissed(timetable: Timetable, schedule: DueSchedule, onTimeFrom: number): Steps<Missed> {
  const { due, now, misfire, maxLatenessMs, limit } = schedule;
  const skip = (before: number, reason: MissReason, from: number | null = due) =>
    describe(timetable, from, before, reason);
  if (misfire === "skip") return { fire: [], skipped: yield* skip(onTimeFrom, "missed") };

  const lateFrom = maxLatenessMs === null ? due : Math.min(now - maxLatenessMs, onTimeFrom);
  if (misfire === "once") {
    const onTime = firstSlot(timetable, due, onTimeFrom);
    if (onTime !== null && onTime <= now) return { fire: [], skipped: yield* skip(onTimeFrom, "replaced") };
    const newest = lastSlot(timetable, due, onTimeFrom);
    if (newest < lateFrom) return { fire: [], skipped: yield* skip(onTimeFrom, "too_late") };
    return { fire: [newest], skipped: yield* skip(newest, "replaced") };
  }

  const first = firstSlot(timetable, due, lateFrom);
  const fire = yield* newestSlots(timetable, first, onTimeFrom, limit + 1);
  const tooMany = fire[0] === undefined ? [] : yield* skip(fire[0], "too_many", first);
  return { fire, skipped: [...(yield* skip(lateFrom, "too_late")), ...tooMany] };
}

/** The slots from `first` (one of them) to before `before`, as one row; none: no row. */
function* describe(
  timetable: Timetable,
  first: number | null,
  before: number,
  reason: MissReason,
): Steps<SkippedSlots[]> {
  if (first === null || first >= before) return [];
  const slots = yield* listSlots(timetable, first, before, MOST_COUNTED + 1);
  const last = slots.length > MOST_COUNTED ? null : slots.at(-1);
  return last == null
    ? [{ first, last: lastSlot(timetable, first, before), slots: null, reason }]
    : [{ first, last, slots: slots.length, reason }];
}
