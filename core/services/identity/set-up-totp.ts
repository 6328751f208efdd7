// First step to a second factor: a secret for the authenticator app, sealed, and asked for by nobody yet.
import { createTotpSecret, describeTotpSecret } from "../../crypto/totp.ts";
import { AppError } from "../../domain/app-error.ts";
import type { Actor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import { keepPendingSecret, lockUser } from "../../persistence/identity/second-factors.ts";
import { inNameOf } from "../principals-of.ts";
import { totpBinding } from "./check-second-factor.ts";
import { ownEntry } from "./identity-audit.ts";
import type { IdentityContext } from "./identity-context.ts";
import { ownSession } from "./own-sessions.ts";
import { verifyOwnPassword } from "./verify-own-password.ts";

/** The secret in base32 and as an `otpauth://` address; shown this once. */
export type TotpSetup = { secret: string; uri: string };

/** Throws `invalid_credentials`, or `totp_enabled` when one is in use. */
export async function setUpTotp(
  context: IdentityContext,
  actor: Actor,
  password: string,
): Promise<TotpSetup> {
  const { userId } = ownSession(actor);
  await verifyOwnPassword(context, userId, password);
  const secret = createTotpSecret();
  const sealed = context.envelope.seal(secret, totpBinding(userId));
  await context.database.transaction(inNameOf(userId), async (tx) => {
    const user = await lockUser(tx, userId);
    if (user?.enabled) {
      throw new AppError(
        "totp_enabled",
        "A second factor is in use already; disable it before you set up another",
      );
    }
    await keepPendingSecret(tx, userId, sealed);
    await appendAudit(tx, [ownEntry(userId, "mfa.setup")]);
  });
  return describeTotpSecret(secret, actor.email);
}
