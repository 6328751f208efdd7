// The slots to come as they are stored, to be compared with what their times say, a few schedules at a time.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Instants in ms since the epoch. */
export type StoredSchedule = {
  id: string;
  cron: string;
  timezone: string;
  startAt: number | null;
  endAt: number | null;
  stored: number;
  /** The same as the database writes it; with the revision it guards the move. */
  storedText: string;
  revision: number;
  /** The database's clock. */
  now: number;
};

const MS = sql`* 1000)::float8`;

/** Those that repeat in another zone than UTC and are still to come, in the order of their ids, after the id `after`. */
export function listStored(
  database: Executor,
  { after, limit }: { after: string; limit: number },
): Promise<StoredSchedule[]> {
  return database.many<StoredSchedule>(sql`
    select id, cron, timezone, floor(extract(epoch from start_at) ${MS} as "startAt",
      floor(extract(epoch from end_at) ${MS} as "endAt", floor(extract(epoch from next_run_at) ${MS} as stored,
      next_run_at::text as "storedText", revision, floor(extract(epoch from clock_timestamp()) ${MS} as now
    from schedules
    where id > ${after} and enabled and cron is not null and timezone <> 'UTC'
      and next_run_at > now() and next_run_at < 'infinity'
    order by id limit ${limit}`);
}

/** The last slot of the clock's that has fired, waits or was skipped; ms since the epoch. */
export async function findHandled(database: Executor, id: string): Promise<number | null> {
  const row = await database.one<{ handled: number | null }>(sql`
    select floor(extract(epoch from greatest(
      (select max(scheduled_for) from schedule_fires where schedule_id = ${id} and kind <> 'manual'),
      (select max(last_slot) from schedule_skips where schedule_id = ${id}))) ${MS} as handled`);
  return row?.handled ?? null;
}

/** `to` is ISO 8601. False when it was fired or edited meanwhile. */
export async function moveStored(
  database: Executor,
  { id, storedText, revision }: StoredSchedule,
  to: string,
): Promise<boolean> {
  const moved = await database.run(sql`
    update schedules set next_run_at = ${to}
    where id = ${id} and enabled and next_run_at = ${storedText}::timestamptz and revision = ${revision}`);
  return moved === 1;
}
