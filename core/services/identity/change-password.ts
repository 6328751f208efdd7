// A new password in place of the old one: every other session ends, this one stays; API keys end when asked for.
import { checkNewPassword } from "../../crypto/password-rule.ts";
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { countLiveApiKeys, revokeApiKeysOf } from "../../persistence/identity/api-keys.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { dropResetToken } from "../../persistence/identity/reset-tokens.ts";
import { lockUser } from "../../persistence/identity/second-factors.ts";
import { endSessionsOf, noteProof } from "../../persistence/identity/sessions.ts";
import { setPasswordHash } from "../../persistence/identity/users.ts";
import { inNameOf } from "../principals-of.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import { ownSession } from "./own-sessions.ts";
import { verifyOwnPassword } from "./verify-own-password.ts";

export type PasswordChange = { currentPassword: string; newPassword: string; revokeApiKeys?: boolean };
/** `liveApiKeys`: whoever had the account may have made one, so the person is told. */
export type PasswordChanged = { endedSessions: number; revokedApiKeys: number; liveApiKeys: number };

/** Throws `invalid_credentials` for a wrong current password, `invalid_password` or `password_too_common`. */
export async function changePassword(
  context: IdentityContext,
  actor: Actor,
  { currentPassword, newPassword, revokeApiKeys = false }: PasswordChange,
): Promise<PasswordChanged> {
  const { userId, sessionId } = ownSession(actor);
  const before = await verifyOwnPassword(context, userId, currentPassword);
  await checkNewPassword(newPassword, actor);
  const hash = await context.hasher.hash(newPassword);
  return await context.database.transaction(inNameOf(userId), async (tx) => {
    const user = await lockUser(tx, userId);
    // Of two changes at once the second no longer knows the current password.
    if (user?.passwordHash !== before) {
      throw new AppError("invalid_credentials", "The password was changed a moment ago");
    }
    await setPasswordHash(tx, userId, hash);
    const endedSessions = await endSessionsOf(tx, { userId, keep: sessionId, reason: "password" });
    await noteProof(tx, sessionId);
    await dropResetToken(tx, userId);
    const revokedApiKeys = revokeApiKeys ? await revokeApiKeysOf(tx, userId) : 0;
    const changed = { endedSessions, revokedApiKeys, liveApiKeys: await countLiveApiKeys(tx, userId) };
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, [ownEntry(userId, "password.changed", changed)]);
    return changed;
  });
}
