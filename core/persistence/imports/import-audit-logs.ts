// Which entries of an old log are in the audit log already.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Those of the ids that are there. */
export async function findAuditIds(tx: Executor, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx.many<{ id: string }>(sql`select id from audit_logs where id = any (${ids}::uuid[])`);
  return new Set(rows.map((row) => row.id));
}
