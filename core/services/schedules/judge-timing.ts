// Are the times of a schedule good, and when is it due first?
import { AppError } from "../../domain/app-error.ts";
import type { Timing } from "../../domain/schedules/schedule.ts";
import { readTimetable, type Timetable } from "../../domain/schedules/timetable.ts";

/** Where in the request the fault of each code lies. */
const FIELDS: Readonly<Record<string, keyof Timing>> = {
  cron_empty: "cron",
  cron_invalid: "cron",
  cron_impossible: "cron",
  cron_too_frequent: "cron",
  cron_or_run_at: "cron",
  unknown_timezone: "timezone",
  schedule_window: "endAt",
};

/** The timetable of a schedule. Throws the codes of `readTimetable`, each with the field it is about. */
export function timetableOf({ cron, runAt, timezone, startAt, endAt }: Timing): Timetable {
  try {
    return readTimetable({
      cron,
      timezone,
      runAt: toMs(runAt),
      startAt: toMs(startAt),
      endAt: toMs(endAt),
    });
  } catch (error) {
    throw withField(error);
  }
}

const toMs = (time: string | null) => (time === null ? null : Date.parse(time));

/**
 * The first slot a schedule with these times has from now on, in milliseconds since the epoch; a `runAt` that is past by no
 * more than the tolerance counts. Throws what `timetableOf` throws, `run_at_past`, or `schedule_window` when no slot is left.
 */
export function firstSlot(
  timing: Timing,
  { now, toleranceMs }: { now: number; toleranceMs: number },
): number {
  const timetable = timetableOf(timing);
  const first = timetable.next(timing.runAt === null ? now : now - toleranceMs - 1);
  if (first !== null) return first;
  if (timing.runAt !== null && Date.parse(timing.runAt) < now - toleranceMs) {
    throw fault(
      "run_at_past",
      "runAt",
      `runAt has passed: it is ${new Date(now).toISOString()} here; give a later time`,
    );
  }
  const detail = "The schedule has no slot left between now and the end of its window; move startAt or endAt";
  throw fault("schedule_window", "endAt", detail);
}

/** Up to `count` slots after `afterMs`, as ISO 8601. */
export function nextSlots(timetable: Timetable, afterMs: number, count: number): string[] {
  const slots: string[] = [];
  let last: number | null = afterMs;
  while (slots.length < count) {
    last = timetable.next(last);
    if (last === null) break;
    slots.push(new Date(last).toISOString());
  }
  return slots;
}

export function fault(code: string, path: string, message: string): AppError {
  return new AppError(code, message, { problems: [{ path, message }] });
}

function withField(error: unknown): unknown {
  if (!(error instanceof AppError) || error.problems.length > 0) return error;
  const path = FIELDS[error.code];
  return path === undefined ? error : fault(error.code, path, error.message);
}
