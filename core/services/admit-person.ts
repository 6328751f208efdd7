// The last look before a session starts, with the person's row locked: is the password still theirs, and the second factor.
import type { Envelope } from "../crypto/envelope.ts";
import { AppError } from "../domain/app-error.ts";
import type { AuditEntry } from "../persistence/audit-logs.ts";
import type { Executor } from "../persistence/database.ts";
import { lockUser } from "../persistence/second-factors.ts";
import { spendSecondFactor, type UsedFactor } from "./check-second-factor.ts";
import { wrongCode } from "./enable-totp.ts";
import { loginEntry } from "./identity-audit.ts";
import type { Client } from "./start-session.ts";

export type Admission = { refusal: AppError } | { refusal: null; factor: UsedFactor | null };

/** A refusal is returned, not thrown: the transaction is to commit it to the audit log. */
export async function admit(
  tx: Executor,
  envelope: Envelope,
  { userId, passwordSince, totp }: { userId: string; passwordSince: string; totp: string | undefined },
): Promise<Admission> {
  const user = await lockUser(tx, userId);
  // Changed, reset or disabled while the hash was computed: what was checked is the past.
  if (!user || user.disabled || user.passwordSince !== passwordSince) {
    return {
      refusal: new AppError("invalid_credentials", "This e-mail address and password do not belong together"),
    };
  }
  if (!user.enabled) return { refusal: null, factor: null };
  if (!totp) {
    return {
      refusal: new AppError(
        "totp_required",
        "Send a code of your authenticator, or a recovery code, as `totp`",
      ),
    };
  }
  const factor = await spendSecondFactor(tx, envelope, { user, code: totp });
  return factor === null ? { refusal: wrongCode() } : { refusal: null, factor };
}

/** Without a code it is no failure yet: that is how people learn that one is asked for. */
export function admissionRefused(userId: string, refusal: AppError, client: Client): AuditEntry {
  const details = { client: client.address, reason: refusal.code };
  return loginEntry(refusal.code === "totp_required" ? "login.challenged" : "login.failed", userId, details);
}
