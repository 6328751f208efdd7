// A code of the second factor, accepted once: from the authenticator, or one of the recovery codes.
import type { Envelope } from "../crypto/envelope.ts";
import { hashRecoveryCode } from "../crypto/recovery-codes.ts";
import { findTotpStep } from "../crypto/totp.ts";
import type { Executor } from "../persistence/database.ts";
import {
  type LockedUser,
  type SecondFactor,
  spendRecoveryCode,
  spendStep,
} from "../persistence/second-factors.ts";

export type UsedFactor = "totp" | "recovery_code";

/** Which one it was, used up; null for a wrong code and for one that was used before. The person's row is locked. */
export async function spendSecondFactor(
  tx: Executor,
  envelope: Envelope,
  { user, code }: { user: LockedUser; code: string },
): Promise<UsedFactor | null> {
  const step = findTotpStep(await openTotpSecret(envelope, user), code.trim(), user);
  if (step !== null) return (await spendStep(tx, user.id, step)) ? "totp" : null;
  return (await spendRecoveryCode(tx, user.id, hashRecoveryCode(code))) ? "recovery_code" : null;
}

/** Throws `decryption_failed`; only for people who have a secret. */
export async function openTotpSecret(
  envelope: Envelope,
  user: SecondFactor & { id: string },
): Promise<Buffer> {
  const { keyId, wrappedKey, ciphertext } = user;
  if (keyId === null || wrappedKey === null || ciphertext === null) {
    throw new Error(`${user.id} has a second factor without a secret`);
  }
  return await envelope.open({ keyId, wrappedKey, ciphertext }, totpBinding(user.id));
}

/** What a secret is bound to: in another person's row it does not open. */
export function totpBinding(userId: string) {
  return { purpose: "totp", workspaceId: "", id: userId, type: "totp" } as const;
}
