// When a schedule is due: its cron in its zone or its one instant, within its window; instants are ms since the epoch.
import { AppError } from "../app-error.ts";
import { checkZone, type FindNext, readCron } from "./read-cron.ts";
import { rememberSlots } from "./remember-slots.ts";

export type Timetable = {
  /** The first slot strictly after an instant; null: no more. */
  next(afterMs: number): number | null;
  has(slotMs: number): boolean;
};

type Instant = Date | number;
/** Null and undefined both mean "not given", so that a row of `schedules` fits as it is. */
export type TimetableInput = {
  cron?: string | null | undefined;
  /** An IANA name; UTC. */
  timezone?: string | null | undefined;
  runAt?: Instant | null | undefined;
  /** Slots on either end of the window count. */
  startAt?: Instant | null | undefined;
  endAt?: Instant | null | undefined;
};

/** A compiled pattern takes 83 kB and 0.2 ms, so 256 are kept: 21 MB. */
const MOST_PATTERNS = 256;
const patterns = new Map<string, FindNext>();

/**
 * Throws an AppError: `cron_or_run_at`, `cron_empty`, `cron_invalid`, `cron_too_frequent`, `cron_impossible`,
 * `unknown_timezone`, `schedule_window` (ends before it starts, or no slot lies in it).
 */
export function readTimetable(input: TimetableInput): Timetable {
  const find = readTimes(input);
  const start = toMs(input.startAt);
  const end = toMs(input.endAt);
  if (start !== null && end !== null && start > end) {
    throw new AppError("schedule_window", "The window ends (endAt) before it starts (startAt).");
  }
  const next = (afterMs: number) => {
    const slot = find(start === null ? afterMs : Math.max(afterMs, start - 1));
    return slot !== null && (end === null || slot <= end) ? slot : null;
  };
  if ((start !== null || end !== null) && next((start ?? 0) - 1) === null) {
    throw new AppError("schedule_window", "No time of this schedule lies between startAt and endAt.");
  }
  return { next, has: (slotMs) => next(slotMs - 1) === slotMs };
}

function readTimes({ cron, runAt, timezone: zone }: TimetableInput): FindNext {
  const timezone = zone ?? "UTC";
  const instant = toMs(runAt);
  if (typeof cron === "string" && instant === null) return patternOf(cron, timezone);
  if (typeof cron === "string" || instant === null) {
    throw new AppError("cron_or_run_at", "A schedule has either cron or runAt, not both and not neither.");
  }
  checkZone(timezone);
  return (afterMs) => (instant > afterMs ? instant : null);
}

/** The pattern, compiled once while it is in use: the one that was not used for the longest time makes room. */
function patternOf(cron: string, timezone: string): FindNext {
  const key = `${timezone} ${cron}`;
  let find = patterns.get(key);
  if (find === undefined) {
    checkZone(timezone);
    find = rememberSlots(readCron(cron, timezone));
    const oldest = patterns.size >= MOST_PATTERNS ? patterns.keys().next().value : undefined;
    if (oldest !== undefined) patterns.delete(oldest);
  }
  patterns.delete(key);
  patterns.set(key, find);
  return find;
}

function toMs(instant: Instant | null | undefined): number | null {
  return instant == null ? null : Number(instant);
}
