// What waits to be claimed: asked by workers that hear nothing, and counted by one scheduler. Bounded, whatever the history.
import { BANDS } from "../../domain/bands.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** What is due is rung every few seconds, so it stands at this end; what waits for its time stands beyond now. */
const NEWEST = 1_000;
/** From here on the count of a band says "at least"; counting a million would cost what claims need. */
const MOST = 100_000;

/**
 * Could a worker claim something of a band from `from` to below `below` now? Not what waits for a place at a limit. Looks
 * at no more than 1,000 rows of each band.
 */
export async function hasBacklog(
  database: Executor,
  { from = 0, below = BANDS }: { from?: number; below?: number } = {},
): Promise<boolean> {
  const row = await database.one<{ waits: boolean }>(sql`
    select exists (
      select from generate_series(${from}::int, ${below - 1}::int) of_band
      cross join lateral (
        select available_at from workflow_executions
        where status = 'queued' and band = of_band and rung_at <= now()
        order by rung_at desc limit ${NEWEST}
      ) newest
      where available_at <= now()
    ) waits`);
  return row?.waits ?? false;
}

export type Census = {
  /** Queued and due; of each band at most 100,000 are counted. What is for later stands behind them. */
  due: number;
  /** Queued for a later time. */
  later: number;
  running: number;
  /** For a timer, a person or a sub-workflow; at most 100,000 are counted. */
  waiting: number;
  /** Approvals that nobody has ended yet, at most 100,000, and the seconds since the oldest was asked for; 0 without any. */
  approvals: number;
  oldestApprovalSeconds: number;
  /** Seconds since the oldest due one could have been claimed; 0 without any. */
  oldestSeconds: number;
  /** Running under a lease that has run out: their worker is gone, nobody has taken them back yet. */
  orphaned: number;
  /** Workers that beat, and those that fell silent within 10 minutes without a goodbye. */
  alive: number;
  silent: number;
};

/** One look at the partial indexes of what is queued, running, waiting and asked of people, and at the workers. */
export function takeCensus(database: Executor, silentMs: number): Promise<Census | null> {
  return database.one<Census>(sql`
    with queued as (
      select available_at
      from generate_series(0, ${BANDS - 1}::int) of_band
      cross join lateral (
        select available_at from workflow_executions where status = 'queued' and band = of_band
        order by rung_at limit ${MOST}
      ) oldest
    ),
    running as (
      select lease_until from workflow_executions where status = 'running' order by lease_until limit ${MOST}
    ),
    waiting as (
      select available_at from workflow_executions where status = 'waiting' order by available_at limit ${MOST}
    ),
    asked as (
      select created_at from approvals where status = 'pending' order by created_at limit ${MOST}
    ),
    beats as (
      select clock_timestamp() - heartbeat_at as age from workers
      where stopped_at is null and heartbeat_at > clock_timestamp() - interval '10 minutes'
    ),
    silence as (select make_interval(secs => ${silentMs / 1000}::float8) as least)
    select q.due, q.later, q."oldestSeconds", r.running, r.orphaned, w.waiting,
      a.approvals, a."oldestApprovalSeconds", b.alive, b.silent
    from (
      select count(*) filter (where available_at <= clock_timestamp()) due,
        count(*) filter (where available_at > clock_timestamp()) later,
        coalesce(greatest(extract(epoch from clock_timestamp() - min(available_at)), 0), 0)::float8 "oldestSeconds"
      from queued
    ) q,
    (select count(*) running, count(*) filter (where lease_until < clock_timestamp()) orphaned from running) r,
    (select count(*) waiting from waiting) w,
    (
      select count(*) approvals,
        coalesce(greatest(extract(epoch from clock_timestamp() - min(created_at)), 0), 0)::float8 "oldestApprovalSeconds"
      from asked
    ) a,
    (
      select count(*) filter (where age <= least) alive, count(*) filter (where age > least) silent
      from beats, silence
    ) b`);
}
