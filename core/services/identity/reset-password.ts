// A reset token is traded for a new password: once, and every session and API key ends, because whoever had the account
// may have made one. A second factor stays what it was.
import { checkNewPassword } from "../../crypto/password-rule.ts";
import { hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { revokeApiKeysOf } from "../../persistence/identity/api-keys.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { findReset, spendResetToken } from "../../persistence/identity/reset-tokens.ts";
import { lockUser } from "../../persistence/identity/second-factors.ts";
import { endSessionsOf } from "../../persistence/identity/sessions.ts";
import { setPasswordHash } from "../../persistence/identity/users.ts";
import { inNameOf } from "../principals-of.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import type { Client } from "./start-session.ts";

export type PasswordReset = { token: string; password: string; client: Client };

/**
 * Throws `invalid_reset_token`, the same for every token that is no good, before anything is said about the
 * password: `invalid_password` or `password_too_common`, which leave the token good.
 */
export async function resetPassword(context: IdentityContext, reset: PasswordReset): Promise<void> {
  const { database, hasher } = context;
  const tokenHash = hashToken(reset.token);
  const found = await findReset(database, tokenHash);
  if (!found) throw noSuchToken();
  await checkNewPassword(reset.password, found);
  const { userId } = found;
  const hash = await hasher.hash(reset.password);
  await database.transaction(inNameOf(userId), async (tx) => {
    // In the order in which a change of the password locks things.
    await lockUser(tx, userId);
    if (!(await spendResetToken(tx, { userId, tokenHash }))) throw noSuchToken();
    await setPasswordHash(tx, userId, hash);
    const endedSessions = await endSessionsOf(tx, { userId, keep: null, reason: "password" });
    const revokedKeys = await revokeApiKeysOf(tx, userId);
    await announceIdentityChange(tx, [userId]);
    const details = { endedSessions, revokedKeys, client: reset.client.address };
    await appendAudit(tx, [ownEntry(userId, "password.reset", details)]);
  });
}

function noSuchToken(): AppError {
  return new AppError("invalid_reset_token", "This link is wrong, used or too old; ask for a new one");
}
