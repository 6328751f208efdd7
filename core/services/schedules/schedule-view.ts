// A schedule as its people see it: with what comes next, and whether it is late.
import { setImmediate } from "node:timers/promises";
import type { Timing } from "../../domain/schedules/schedule.ts";
import type { Schedule, ScheduleSummary } from "../../persistence/schedules/schedules.ts";
import { nextSlots, timetableOf } from "./judge-timing.ts";

const NEXT = 5;

/** `next`: the times its timetable holds from now on, whether or not it is paused. */
export type WithNext<Row> = Row & { next: string[]; overdue: boolean };
export type ScheduleView = WithNext<Schedule>;
export type ScheduleSummaryView = WithNext<ScheduleSummary>;

/** Looking up what comes next takes 75 µs a time: a page of 200 would hold everybody else up for 75 ms. */
const AT_ONCE = 10;

/** A page of them, with pauses in which others are served. */
export async function viewSchedules<Row extends ScheduleSummary>(
  rows: readonly Row[],
  now: number,
): Promise<WithNext<Row>[]> {
  const views: WithNext<Row>[] = [];
  for (const [index, row] of rows.entries()) {
    if (index > 0 && index % AT_ONCE === 0) await setImmediate();
    views.push(viewSchedule(row, now));
  }
  return views;
}

export function viewSchedule<Row extends ScheduleSummary>(row: Row, now: number): WithNext<Row> {
  return { ...row, next: upcoming(row, now), overdue: row.lateMs > row.toleranceMs };
}

/** One that can no longer be read (its zone was renamed) must not hide the others of a list. */
function upcoming(timing: Timing, now: number): string[] {
  try {
    return nextSlots(timetableOf(timing), now, NEXT);
  } catch {
    return [];
  }
}
