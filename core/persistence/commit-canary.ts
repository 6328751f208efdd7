// The smallest thing that needs everything a commit needs: a transaction that must reach the disk.
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

/** Rejects when the database cannot commit now: away, in recovery, read-only or its disk full. Changes no table. */
export async function commitCanary(database: Executor): Promise<void> {
  await database.one(sql`select pg_logical_emit_message(true, 'atelier', 'canary')`);
}
