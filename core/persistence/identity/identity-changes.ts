// Tells every api process that something about people has changed, so that none goes on believing its cache.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** The channel on which people are named by their id. */
export const IDENTITY_CHANNEL = "atelier_identity";

/**
 * Call it in the transaction that changes memberships, the requirements of a workspace, `disabled`, `is_admin`, a
 * second factor, or ends sessions or revokes keys: PostgreSQL delivers it with the commit and never without it.
 * Each process hears it on the connection of execution-signals.ts; the one that made the change has forgotten them
 * by the time the transaction resolves.
 */
export async function announceIdentityChange(tx: Executor, userIds: readonly string[]): Promise<void> {
  if (userIds.length === 0) return;
  for (const userId of userIds) tx.announced?.add(userId);
  await tx.run(sql`
    select pg_notify(${IDENTITY_CHANNEL}, id::text) from unnest(${[...new Set(userIds)]}::uuid[]) as changed (id)`);
}
