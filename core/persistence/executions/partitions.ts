// Month partitions of executions and steps.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** busy: nobody waits for it; full: the default partition is too big to look through it, or to move that month out of it, while all wait. */
export type MadeMonth = "made" | "there" | "busy" | "full";

/**
 * Makes the partitions of the instant's month (ISO 8601) when they are not there. In a transaction of its own: its locks
 * end with it. For the scheduler and the import.
 */
export async function makeMonth(tx: Executor, at: string): Promise<MadeMonth> {
  const row = await tx.one<{ verdict: MadeMonth }>(sql`select make_month(${at}::timestamptz) verdict`);
  return row?.verdict ?? "busy";
}

/** An instant (ISO 8601) of this month and of each of the next `months`, by the database's clock. */
export async function listMonthsAhead(database: Executor, months: number): Promise<string[]> {
  const rows = await database.many<{ at: string }>(sql`
    select date_trunc('month', now(), 'UTC') + make_interval(months => ahead) as at
    from generate_series(0, ${months}::int) ahead order by ahead`);
  return rows.map(({ at }) => at);
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
