// Second step: the first code proves that the app has the secret, and the recovery codes are shown.
import { createRecoveryCodes } from "../../crypto/recovery-codes.ts";
import { findTotpStep } from "../../crypto/totp.ts";
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { enableSecondFactor, type LockedUser, lockUser } from "../../persistence/identity/second-factors.ts";
import { endSessionsOf } from "../../persistence/identity/sessions.ts";
import { inNameOf } from "../principals-of.ts";
import { openTotpSecret, wrongCode } from "./check-second-factor.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import { ownSession } from "./own-sessions.ts";

/** Every other session ends. Throws `totp_not_set_up`, `totp_enabled`, or `invalid_totp` for a wrong code. */
export async function enableTotp(
  context: IdentityContext,
  actor: Actor,
  code: string,
): Promise<{ recoveryCodes: string[] }> {
  const { userId, sessionId } = ownSession(actor);
  const recovery = createRecoveryCodes();
  await context.database.transaction(inNameOf(userId), async (tx) => {
    const user = requirePending(await lockUser(tx, userId));
    const step = findTotpStep(await openTotpSecret(context.envelope, user), code.trim(), user);
    if (step === null) throw wrongCode(userId);
    await enableSecondFactor(tx, { userId, step, recoveryCodeHashes: recovery.hashes });
    // They began without the factor: nobody goes on in them where it is asked for.
    const endedSessions = await endSessionsOf(tx, { userId, keep: sessionId, reason: "logout" });
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, [ownEntry(userId, "mfa.enabled", { endedSessions })]);
  });
  return { recoveryCodes: recovery.codes };
}

function requirePending(user: LockedUser | null): LockedUser {
  if (user === null || user.ciphertext === null) {
    throw new AppError("totp_not_set_up", "Ask POST /auth/mfa/setup for a secret first");
  }
  if (user.enabled) throw new AppError("totp_enabled", "The second factor is in use already");
  return user;
}
