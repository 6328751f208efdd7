// When the platform's timers last did their work, whichever scheduler did it and whoever has restarted since.
import type { TimerName } from "../../domain/timers.ts";
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";

export type TimerRun = {
  name: TimerName;
  /** Milliseconds since the epoch, on the database's clock. */
  knownSinceMs: number;
  lastSuccessMs: number | null;
  /** How long that took. */
  lastSeconds: number | null;
  lastFailureMs: number | null;
  /** Of the last failure, also when it has succeeded since. */
  lastError: string | null;
  failures: number;
  /** When it was asked. */
  nowMs: number;
};

/** From now on they can be late. */
export async function knowTimers(executor: Executor, names: readonly TimerName[]): Promise<void> {
  await executor.run(sql`
    insert into timer_runs (name) select name from unnest(${names}::text[]) name on conflict do nothing`);
}

export async function recordTimerSuccess(
  executor: Executor,
  name: TimerName,
  seconds: number,
): Promise<void> {
  await executor.run(sql`
    insert into timer_runs (name, last_success_at, last_seconds) values (${name}, clock_timestamp(), ${seconds})
    on conflict (name) do update set last_success_at = excluded.last_success_at, last_seconds = excluded.last_seconds`);
}

export async function recordTimerFailure(executor: Executor, name: TimerName, error: string): Promise<void> {
  await executor.run(sql`
    insert into timer_runs (name, last_failure_at, last_error, failures) values (${name}, clock_timestamp(), ${error}, 1)
    on conflict (name) do update set last_failure_at = excluded.last_failure_at, last_error = excluded.last_error,
      failures = timer_runs.failures + 1`);
}

export function listTimerRuns(executor: Executor): Promise<TimerRun[]> {
  const ms = (at: Sql) => sql`floor(extract(epoch from ${at}) * 1000)::bigint`;
  return executor.many<TimerRun>(sql`
    select name, ${ms(sql`known_since`)} "knownSinceMs", ${ms(sql`last_success_at`)} "lastSuccessMs",
      last_seconds "lastSeconds", ${ms(sql`last_failure_at`)} "lastFailureMs", last_error "lastError", failures,
      ${ms(sql`clock_timestamp()`)} "nowMs"
    from timer_runs order by name`);
}
