// Month partitions of executions and steps.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Makes the partitions of this month and the next `months`; returns how many months were new. */
export async function ensurePartitions(database: Executor, months: number): Promise<number> {
  const made = await database.many<{ made: boolean }>(sql`
    select ensure_partition(now() + make_interval(months => m)) made from generate_series(0, ${months}::int) m`);
  return made.filter((row) => row.made).length;
}
