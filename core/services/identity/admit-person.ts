// The last look before a session starts, with the person's row locked: is the password still theirs, and the second factor.
import type { Envelope } from "../../crypto/envelope.ts";
import { AppError } from "../../domain/app-error.ts";
import type { Executor } from "../../persistence/database.ts";
import { lockUser } from "../../persistence/identity/second-factors.ts";
import { wrongPair } from "./check-password.ts";
import { spendSecondFactor, type UsedFactor } from "./check-second-factor.ts";

export type Candidate = { userId: string; passwordSince: string; totp: string | undefined };

/** The factor that was used up, null where none is asked for. Throws `invalid_credentials`, `totp_required` or `invalid_totp`. */
export async function admitPerson(
  tx: Executor,
  envelope: Envelope,
  { userId, passwordSince, totp }: Candidate,
): Promise<UsedFactor | null> {
  const user = await lockUser(tx, userId);
  // Changed, reset or disabled while the hash was computed: what was checked is the past.
  if (!user || user.disabled || user.passwordSince !== passwordSince) {
    throw wrongPair(userId);
  }
  if (!user.enabled) return null;
  if (!totp) {
    throw new AppError("totp_required", "Send a code of your authenticator, or a recovery code, as `totp`", {
      subjectId: userId,
    });
  }
  return await spendSecondFactor(tx, envelope, { user, code: totp });
}
