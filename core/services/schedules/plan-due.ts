// Plans what becomes of schedules that are due or soon will be; of those to come ahead of their time.
import { AppError } from "../../domain/app-error.ts";
import { planSlots, type SlotPlan } from "../../domain/schedules/plan-slots.ts";
import { readTimetable } from "../../domain/schedules/timetable.ts";
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import type { PlannedSchedule } from "./settle-slots.ts";

export type DuePlanner = {
  /** Throws what reading its timetable throws. `now` in ms since the epoch, by the database's clock. */
  plan(schedule: DueSchedule, now: number): PlannedSchedule;
  /** Plans those that are still to come, so that nothing is left to compute when they are due. */
  prepare(coming: readonly DueSchedule[]): void;
};

/** Of a schedule at once; the others stay due. */
const MOST_SLOTS = 500;
/** When they are due their plan holds for so long, in ms. */
const FRESH_MS = 900;

export function createDuePlanner(): DuePlanner {
  let prepared = new Map<string, SlotPlan>();
  return {
    plan(schedule, now) {
      const plan = prepared.get(keyOf(schedule));
      const isGood = plan !== undefined && now - schedule.due <= FRESH_MS && isLater(plan, now);
      return { schedule, plan: isGood ? plan : planFor(schedule, now) };
    },
    prepare(coming) {
      const known = prepared;
      prepared = new Map();
      for (const schedule of coming) {
        const key = keyOf(schedule);
        const plan = known.get(key) ?? planAhead(schedule);
        if (plan) prepared.set(key, plan);
      }
    },
  };
}

function keyOf({ id, revision, dueText }: DueSchedule): string {
  return `${id} ${revision} ${dueText}`;
}

function isLater({ nextRunAt }: SlotPlan, now: number): boolean {
  return nextRunAt === null || nextRunAt > now;
}

/** What cannot be read is told of when it is due. */
function planAhead(schedule: DueSchedule): SlotPlan | null {
  try {
    return planFor(schedule, schedule.due);
  } catch {
    return null;
  }
}

function planFor(schedule: DueSchedule, now: number): SlotPlan {
  if (!Number.isFinite(schedule.due)) {
    throw new AppError("unreadable_schedule", "The time of its next run is no date");
  }
  return planSlots(readTimetable(schedule), { ...schedule, now, limit: MOST_SLOTS });
}
