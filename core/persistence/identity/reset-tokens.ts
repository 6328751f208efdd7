// The one open reset token of a person: made by an administrator, stored as SHA-256, gone once it is used.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

const RESET_LIFETIME = "1 hour";

/** Replaces the one before. Runs in the name of the administrator `createdBy`. */
export async function replaceResetToken(
  tx: Executor,
  row: { userId: string; tokenHash: Buffer; createdBy: string | null },
): Promise<{ expiresAt: string }> {
  const kept = await tx.one<{ expiresAt: string }>(sql`
    insert into reset_tokens (user_id, token_hash, created_by, expires_at)
    values (${row.userId}, ${row.tokenHash}, ${row.createdBy}, clock_timestamp() + ${RESET_LIFETIME}::interval)
    on conflict (user_id) do update set token_hash = excluded.token_hash, created_by = excluded.created_by,
      expires_at = excluded.expires_at, created_at = clock_timestamp()
    returning expires_at as "expiresAt"`);
  return kept as { expiresAt: string };
}

/** Whose open token this is, before anybody is known; null when it is unknown, expired or of a disabled person. */
export function findReset(
  executor: Executor,
  tokenHash: Buffer,
): Promise<{ userId: string; email: string } | null> {
  return executor.one(sql`select "userId", email from identity_find_reset(${tokenHash})`);
}

/** Uses the token up, in its person's name. False when somebody was faster or its time is over. */
export async function spendResetToken(
  tx: Executor,
  token: { userId: string; tokenHash: Buffer },
): Promise<boolean> {
  const spent = await tx.run(sql`
    delete from reset_tokens
    where user_id = ${token.userId} and token_hash = ${token.tokenHash} and expires_at > clock_timestamp()`);
  return spent > 0;
}

/** Makes a token that was not used yet void. */
export async function dropResetToken(tx: Executor, userId: string): Promise<void> {
  await tx.run(sql`delete from reset_tokens where user_id = ${userId}`);
}
