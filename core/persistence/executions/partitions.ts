// Month partitions of executions and steps.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/**
 * Makes the partitions of this month and the next `months`; returns how many months were new. Gives up after 100 ms where
 * somebody reads the whole table for hours (a backup), because every submission would wait behind it: there is a year left.
 */
export async function ensurePartitions(database: Executor, months: number): Promise<number> {
  const made = await database.many<{ made: boolean }>(sql`
    select set_config('lock_timeout', '100ms', true), ensure_partition(now() + make_interval(months => m)) made from generate_series(0, ${months}::int) m`);
  return made.filter((row) => row.made).length;
}

/** The months there are partitions of, oldest first: their first instants, ISO 8601. */
export async function listMonths(database: Executor): Promise<string[]> {
  const rows = await database.many<{ month: string }>(sql`
    select (to_date(right(c.relname, 6), 'YYYYMM')::timestamp at time zone 'UTC') as month
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.workflow_executions'::regclass and c.relname ~ '_[0-9]{6}$' order by 1`);
  return rows.map(({ month }) => month);
}

/** full: something is left in it; bloated: it takes long to see that nothing is; busy: nobody waits for it. */
export type DroppedMonth = "dropped" | "young" | "gone" | "full" | "bloated" | "busy";

/** Drops the partitions of a month that is over when nothing is left in them. For the scheduler. */
export async function dropEmptyMonth(tx: Executor, month: string): Promise<DroppedMonth> {
  const row = await tx.one<{ verdict: DroppedMonth }>(
    sql`select drop_empty_month(${month}::timestamptz) verdict`,
  );
  return row?.verdict ?? "gone";
}
