// Which of a worker's executions somebody wants cancelled: a look between two renewals, which writes nothing.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { RUNNING } from "./bound-status.ts";
import { inMonthsOf } from "./months-of-ids.ts";

/** Of `ids`, those that `owner` runs and that are marked. */
export async function findCancelled(
  database: Executor,
  { owner, ids }: { owner: string; ids: readonly string[] },
): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await database.many<{ id: string }>(sql`
    select e.id from workflow_executions e
    where e.id = any(${ids}::uuid[]) and e.lease_owner = ${owner} and e.status = ${RUNNING}
      and e.cancel_requested_at is not null ${inMonthsOf(ids)}`);
  return rows.map(({ id }) => id);
}
