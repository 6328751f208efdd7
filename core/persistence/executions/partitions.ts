// Month partitions of executions and steps.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** busy: nobody waits for it; full: the default partition is too big to look through it, or to move that month out of it, while all wait. */
export type MadeMonth = "made" | "there" | "busy" | "full";

/** Makes the partitions of the month in `ahead` months (0: this one), "2026-11". For the scheduler. */
export async function makeMonth(
  tx: Executor,
  ahead: number,
): Promise<{ month: string; verdict: MadeMonth } | null> {
  return tx.one(sql`
    select to_char((now() + make_interval(months => ${ahead}::int)) at time zone 'UTC', 'YYYY-MM') as month,
      make_month(now() + make_interval(months => ${ahead}::int)) verdict`);
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
