// A reset token for somebody who cannot sign in: made by an administrator, good once and for an hour.
import { createOpaqueToken, hashToken } from "../../crypto/tokens.ts";
import type { Executor } from "../../persistence/database.ts";
import { replaceResetToken } from "../../persistence/identity/reset-tokens.ts";

/** So that scanners for leaked secrets know it. */
const RESET_TOKEN_PREFIX = "atlreset_";

/** The token for POST /auth/reset, told this once; it makes the person's earlier one void. */
export type ResetToken = { token: string; expiresAt: string };

/**
 * Runs in the transaction and the name of the administrator `createdBy` (null: the command line); who calls it has authorised them,
 * knows that `userId` exists, and writes the audit entry.
 */
export async function createResetToken(
  tx: Executor,
  { userId, createdBy }: { userId: string; createdBy: string | null },
): Promise<ResetToken> {
  const token = createOpaqueToken(RESET_TOKEN_PREFIX);
  const { expiresAt } = await replaceResetToken(tx, { userId, createdBy, tokenHash: hashToken(token) });
  return { token, expiresAt };
}
