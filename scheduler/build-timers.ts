// What the platform's timers do, each run written down.
import type { TimerName } from "#core/domain/timers.ts";
import type { Logger } from "#core/logger.ts";
import type { Database } from "#core/persistence/database.ts";
import { forgetWorkers } from "#core/persistence/executions/workers.ts";
import type { TimerHandlers } from "#core/queue/schedule-queue.ts";
import { dropMonths } from "#core/services/retention/drop-months.ts";
import { expireExecutions } from "#core/services/retention/expire-executions.ts";
import { makeMonths, refuseMissing } from "#core/services/retention/make-months.ts";
import { sweepExpired } from "#core/services/retention/sweep-rows.ts";
import type { TryOptions } from "#core/services/retention/try-month.ts";
import { recordRuns, type TimerWork } from "#core/services/timers/run-timer.ts";
import { tidyMemberships } from "#core/services/workspaces/tidy-memberships.ts";

const MONTHS_AHEAD = 12;
/** A worker that has not been heard of for so long is struck off the list. */
const WORKER_DAYS = 30;

/** pg-boss counts a job as lost after 15 minutes; what is left after this is left to the next one. */
const TURN_MS = 10 * 60_000;

/** The same work with one try, written down like every run of its timer. For a start, and for going on after it. */
export function buildMonthTry(database: Database, logger: Logger): TimerWork {
  return recordRuns(database, "maintain-partitions", (signal) =>
    maintainMonths(database, logger, { signal, tries: 1 }),
  );
}

async function maintainMonths(database: Database, logger: Logger, options: TryOptions): Promise<void> {
  const months = await makeMonths(database, MONTHS_AHEAD, options);
  if (months.made.length > 0) logger.info({ months: months.made }, "partitions made");
  refuseMissing(months);
}

export function buildTimers(database: Database, logger: Logger): TimerHandlers {
  const work: Readonly<Record<TimerName, TimerWork>> = {
    "maintain-partitions": (signal) => maintainMonths(database, logger, { signal }),
    "tidy-memberships": async () => {
      const ended = await tidyMemberships(database);
      if (ended > 0) logger.info({ ended }, "ended memberships taken away");
    },
    "drop-months": async (signal) => {
      const months = await dropMonths(database, { signal });
      if (months.length > 0) logger.info({ months }, "partitions dropped");
    },
    "expire-executions": async (stop) => {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(TURN_MS)]);
      const expired = await expireExecutions(database, { signal });
      if (expired.executions + expired.payloads > 0) logger.info(expired, "executions expired");
    },
    "sweep-rows": async (signal) => {
      const swept = await sweepExpired(database, { signal });
      await forgetWorkers(database, WORKER_DAYS);
      if (Object.keys(swept).length > 0) logger.info(swept, "rows swept");
    },
  };
  const recorded = Object.entries(work).map(([name, run]) => [
    name,
    recordRuns(database, name as TimerName, run),
  ]);
  return Object.fromEntries(recorded) as TimerHandlers;
}
