// The outbox read back: queued executions whose bell may have been lost.
import { BANDS } from "../../domain/bands.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { QUEUED } from "./bound-status.ts";

export type DueExecution = {
  id: string;
  wake: number;
  priority: number;
  band: number;
  bell?: string | null;
};

/**
 * Queued, due, and not rung (or looked for) within `quietMs`: the oldest of every band, then the second oldest, so that
 * nobody waits behind the backlog of another band. `now()` and not the clock: it is the same for the whole statement, so
 * that the index ends the look at the first that was rung of late, however many are queued.
 */
export function findUnheard(
  database: Executor,
  options: { quietMs: number; limit: number },
): Promise<DueExecution[]> {
  return database.many<DueExecution>(sql`
    select id, wake, priority, band, bell
    from generate_series(0, ${BANDS - 1}::int) of_band
    cross join lateral (
      select id, wake, priority, band, bell, row_number() over (order by rung_at) place from (
        select id, wake, priority, band, bell, rung_at from workflow_executions
        where status = 'queued' and band = of_band and available_at <= now()
          and rung_at <= now() - make_interval(secs => ${options.quietMs / 1000}::float8)
        order by rung_at limit ${options.limit}) oldest) unheard
    order by place, band limit ${options.limit}`);
}

/**
 * Notes that these were rung or found in the queue just now; `newWake` gives them a fresh job id. Only rows
 * that are still queued under the wake that was looked at change, and none that is being claimed at this moment;
 * returns them with their present wake.
 */
export function markRung(
  database: Executor,
  due: readonly DueExecution[],
  options: { newWake: boolean },
): Promise<DueExecution[]> {
  if (due.length === 0) return Promise.resolve([]);
  return database.many<DueExecution>(sql`
    with unclaimed as (
      select e.id
      from workflow_executions e
      join unnest(${due.map((row) => row.id)}::uuid[], ${due.map((row) => row.wake)}::int[]) as d(id, wake)
        on e.id = d.id and e.wake = d.wake
      where e.status = 'queued'
      order by e.id for no key update of e skip locked
    )
    update workflow_executions e
    set rung_at = clock_timestamp(), wake = e.wake + ${options.newWake ? 1 : 0}
    from unclaimed where e.id = unclaimed.id
    returning e.id, e.wake, e.priority, e.band`);
}

/** Those of `ids` that are queued and due, to be rung. */
export function findQueued(database: Executor, ids: readonly string[]): Promise<DueExecution[]> {
  return database.many<DueExecution>(sql`
    select id, wake, priority, band from workflow_executions
    where id = any(${ids}::uuid[]) and status = ${QUEUED} and available_at <= clock_timestamp()`);
}
