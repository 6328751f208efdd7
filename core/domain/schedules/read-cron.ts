// A cron expression in a zone, checked and refused by name: what is accepted has slots, 5 s or more apart.
import { Cron, CronPattern } from "croner";
import { AppError } from "../app-error.ts";

/** Two slots of a schedule are never nearer to each other, in ms. */
export const MIN_SPACING_MS = 5_000;
const LONGEST_CRON = 200;
/** What has no slot between this and the year 10000 never has one. */
const LONG_AGO = new Date(0);
const FIELDS =
  "minute, hour, day of the month, month, day of the week, with an optional field for seconds before them";

const OPTIONS = {
  // ISO dates and nicknames are refused before; years are not offered.
  mode: "5-or-6-parts",
  // Lists and ranges name wall times; only `*` and steps are intervals. The rules of the DST table rest on it.
  fixedTimeRule: "no-wildcard",
} as const;

/** The first slot strictly after an instant, both in ms since the epoch; null: there is none before the year 10000. */
export type FindNext = (afterMs: number) => number | null;

/** Throws `cron_empty`, `cron_invalid`, `cron_too_frequent`, `cron_impossible`. The zone is one of `checkZone`. */
export function readCron(cron: string, timezone: string): FindNext {
  const text = cron.trim();
  if (text === "") throw new AppError("cron_empty", `A cron expression has five or six fields: ${FIELDS}.`);
  checkFields(text);
  const job = orInvalid(text, () => new Cron(text, { ...OPTIONS, timezone, paused: true }));
  checkSpacing(text, new CronPattern(text, timezone, OPTIONS));
  if (!job.nextRun(LONG_AGO)) {
    throw new AppError("cron_impossible", `No date ever fits "${text}": look at its day and its month.`);
  }
  return (afterMs) => job.nextRun(new Date(afterMs))?.getTime() ?? null;
}

function checkFields(text: string): void {
  if (text.length > LONGEST_CRON) {
    throw new AppError("cron_invalid", `A cron expression has at most ${LONGEST_CRON} characters.`);
  }
  if (text.startsWith("@")) {
    throw new AppError("cron_invalid", `Write "${text}" as fields (${FIELDS}): @daily is "0 0 * * *".`);
  }
  const count = text.split(/\s+/).length;
  if (count !== 5 && count !== 6) {
    throw new AppError("cron_invalid", `"${text}" has ${count} fields, not five or six: ${FIELDS}.`);
  }
}

function orInvalid<T>(text: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    throw new AppError("cron_invalid", `"${text}" is not a cron expression: ${why}`, { cause: error });
  }
}

/** By the fields alone: seconds of one minute, and the last of a minute with the first of a minute right after it. */
function checkSpacing(text: string, { second, minute, hour }: CronPattern): void {
  const seconds = second.flatMap((on, at) => (on ? [at] : []));
  const least = MIN_SPACING_MS / 1000;
  const within = seconds.some((at, i) => i > 0 && at - (seconds[i - 1] ?? 0) < least);
  const across = (seconds[0] ?? 0) + 60 - (seconds.at(-1) ?? 0) < least;
  if (within || (across && hasNeighbours(minute, hour))) {
    throw new AppError(
      "cron_too_frequent",
      `"${text}" comes round in less than ${least} seconds: use */${least} or more in its field for seconds, or leave that field out.`,
    );
  }
}

/** Is there a minute of a day that fits, with the one right after it fitting as well? */
function hasNeighbours(minute: readonly number[], hour: readonly number[]): boolean {
  const inOneHour = minute.some((on, at) => on && minute[at + 1]);
  const overTheHour = minute[59] && minute[0] && hour.some((on, at) => on && hour[(at + 1) % 24]);
  return inOneHour || Boolean(overTheHour);
}

/** Only names: an offset such as +02:00 knows no summer time. Throws `unknown_timezone`. */
export function checkZone(timezone: string): void {
  try {
    if (!/^[A-Za-z]/.test(timezone)) throw new RangeError("no name");
    new Intl.DateTimeFormat("en", { timeZone: timezone });
  } catch (cause) {
    throw new AppError(
      "unknown_timezone",
      `"${timezone.slice(0, 64)}" is not a time zone: use a name such as Europe/Berlin, America/New_York or UTC.`,
      { cause },
    );
  }
}
