// Makes the partitions of the months to come, without making anybody wait who works.
import { AppError } from "../../domain/app-error.ts";
import { collectFailures } from "../../domain/collect-failures.ts";
import type { Database } from "../../persistence/database.ts";
import { listMonthsAhead, makeMonth } from "../../persistence/executions/partitions.ts";
import { type TryOptions, tryMonth } from "./try-month.ts";

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
  options: TryOptions = {},
): Promise<MadeMonths> {
  const found: MadeMonths = { made: [], full: [], busy: null };
  const failures = collectFailures();
  for (const at of await listMonthsAhead(database, months)) {
    if (found.busy !== null || options.signal?.aborted) break;
    const month = at.slice(0, 7);
    const verdict = await failures.attempt(
      month,
      () => tryMonth(database, (tx) => makeMonth(tx, at), options),
      null,
    );
    if (verdict === "made") found.made.push(month);
    if (verdict === "full") found.full.push(month);
    if (verdict === "busy") found.busy = month;
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
