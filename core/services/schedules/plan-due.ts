// Plans what becomes of schedules that are due or soon will be; of those to come ahead of their time.
import { AppError } from "../../domain/app-error.ts";
import { planInSteps, type SlotPlan } from "../../domain/schedules/plan-slots.ts";
import { readTimetable } from "../../domain/schedules/timetable.ts";
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import type { Breathe } from "./create-breath.ts";
import type { PlannedSchedule } from "./settle-slots.ts";
import { fittingInputs } from "./split-chunks.ts";

export type DuePlanner = {
  /**
   * `now` in ms since the epoch, by the database's clock; `onStep` is told of each 50 slots that it looks at. Throws what
   * reading its timetable throws.
   */
  plan(schedule: DueSchedule, now: number, onStep?: () => void): Promise<PlannedSchedule>;
  /** Plans those that are still to come, until `isTime`, so that little is left to compute when they are due. */
  prepare(coming: readonly DueSchedule[], isTime: () => boolean): Promise<void>;
};

/** Of a schedule at once; the others stay due. */
const MOST_SLOTS = 500;
/** When they are due their plan holds for so long, in ms. */
const FRESH_MS = 900;

export function createDuePlanner(breathe: Breathe): DuePlanner {
  let prepared = new Map<string, SlotPlan>();
  const planFor = async (schedule: DueSchedule, now: number, onStep = () => {}): Promise<SlotPlan> => {
    await breathe();
    const steps = planNow(schedule, now);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      onStep();
      await breathe();
    }
  };
  /** What cannot be read is told of when it is due. */
  const planAhead = (schedule: DueSchedule) => planFor(schedule, schedule.due).catch(() => null);
  return {
    async plan(schedule, now, onStep) {
      const plan = prepared.get(keyOf(schedule));
      const isGood = plan !== undefined && now - schedule.due <= FRESH_MS && isLater(plan, now);
      return { schedule, plan: isGood ? plan : await planFor(schedule, now, onStep) };
    },
    async prepare(coming, isTime) {
      const ready = new Map<string, SlotPlan>();
      for (const schedule of coming) {
        const key = keyOf(schedule);
        const plan = prepared.get(key) ?? (isTime() ? null : await planAhead(schedule));
        if (plan) ready.set(key, plan);
      }
      prepared = ready;
    },
  };
}

function keyOf({ id, revision, dueText }: DueSchedule): string {
  return `${id} ${revision} ${dueText}`;
}

function isLater({ nextRunAt }: SlotPlan, now: number): boolean {
  return nextRunAt === null || nextRunAt > now;
}

function planNow(schedule: DueSchedule, now: number) {
  if (!Number.isFinite(schedule.due)) {
    throw new AppError("unreadable_schedule", "The time of its next run is no date");
  }
  return planInSteps(readTimetable(schedule), { ...schedule, now, limit: limitOf(schedule) });
}

/** Of `skip` and `cancel` at most one starts, and their rules hold for all that are due together. */
function limitOf({ overlap, inputBytes }: DueSchedule): number {
  if (overlap === "allow") return fittingInputs(inputBytes, MOST_SLOTS);
  return overlap === "queue" ? MOST_SLOTS : Number.POSITIVE_INFINITY;
}
