// Writes down how each run of a timer ended, where every scheduler and every restart can read it.
import { TIMERS, type TimerName } from "../../domain/timers.ts";
import type { Database } from "../../persistence/database.ts";
import {
  knowTimers,
  recordTimerFailure,
  recordTimerSuccess,
} from "../../persistence/retention/timer-runs.ts";

/** Messages of PostgreSQL may quote a whole statement. */
const MAX_ERROR_CHARS = 500;

/** From the first start of an instance on a timer may be late. */
export function registerTimers(database: Database): Promise<void> {
  return knowTimers(database, Object.keys(TIMERS) as TimerName[]);
}

export type TimerWork = (signal: AbortSignal) => Promise<void>;

/** The same work, written down. One that was broken off by the stop is neither a success nor a failure. */
export function recordRuns(database: Database, name: TimerName, work: TimerWork): TimerWork {
  return async (signal) => {
    const startedAt = performance.now();
    try {
      await work(signal);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // When nothing can be written there is nobody to tell but the log, which hears of the first error.
      await recordTimerFailure(database, name, message.slice(0, MAX_ERROR_CHARS)).catch(() => {});
      throw error;
    }
    if (signal.aborted) return;
    await recordTimerSuccess(database, name, (performance.now() - startedAt) / 1_000);
  };
}
