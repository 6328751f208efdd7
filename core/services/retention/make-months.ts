// Makes the partitions of the months to come, without making anybody wait who works.
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "../../domain/app-error.ts";
import { collectFailures } from "../../domain/collect-failures.ts";
import { type Database, NOBODY } from "../../persistence/database.ts";
import { makeMonth } from "../../persistence/executions/partitions.ts";

/** Each try stands in others' way for 50 ms a lock at most. */
const TRIES = 20;
const PAUSE_MS = 1_000;

export type TryOptions = { signal?: AbortSignal; tries?: number; pauseMs?: number };

/** Months as "2026-11". */
export type MadeMonths = {
  made: string[];
  /** For which the default partition is too big to be looked through and moved from while all wait. */
  full: string[];
  /** The first that could not be made because somebody reads the tables for long; later ones were not tried then. */
  busy: string | null;
};

/** This month and the next `months`. Any number of schedulers may. What fails otherwise is thrown at the end. */
export async function makeMonths(
  database: Database,
  months: number,
  { signal, tries = TRIES, pauseMs = PAUSE_MS }: TryOptions = {},
): Promise<MadeMonths> {
  const found: MadeMonths = { made: [], full: [], busy: null };
  const failures = collectFailures();
  for (let ahead = 0; ahead <= months && found.busy === null && !signal?.aborted; ahead += 1) {
    for (let tried = 1; ; tried += 1) {
      // A transaction of its own: its locks end with it.
      const make = () => database.transaction(NOBODY, (tx) => makeMonth(tx, ahead));
      const month = await failures.attempt(`in ${ahead} months`, make, null);
      if (month?.verdict === "made") found.made.push(month.month);
      if (month?.verdict === "full") found.full.push(month.month);
      if (month?.verdict !== "busy") break;
      if (tried >= tries || signal?.aborted) {
        found.busy = month.month;
        break;
      }
      await delay(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
  failures.throwIfAny();
  return found;
}

/** Throws `partitions_full` or `partitions_busy`, which say what to do, when a month is not there. */
export function refuseMissing({ full, busy }: MadeMonths): void {
  if (full.length > 0) {
    throw new AppError(
      "partitions_full",
      `The default partition is too big to make ${full.join(", ")} beside the platform's work, and keeps the rows of these ` +
        "months until then: stop all roles and make them (docs/operations.md, A month without a partition)",
      { details: { months: full } },
    );
  }
  if (busy !== null) {
    throw new AppError(
      "partitions_busy",
      `The partitions of ${busy} cannot be made while a transaction reads executions (a backup, an open session); the ` +
        "default partition takes their rows meanwhile",
      { details: { months: [busy] } },
    );
  }
}
