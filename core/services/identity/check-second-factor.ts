// A code of the second factor, accepted once: from the authenticator, or one of the recovery codes.
import type { Envelope } from "../../crypto/envelope.ts";
import { hashRecoveryCode } from "../../crypto/recovery-codes.ts";
import { findTotpStep } from "../../crypto/totp.ts";
import { AppError } from "../../domain/app-error.ts";
import type { Executor } from "../../persistence/database.ts";
import {
  type LockedUser,
  type SecondFactor,
  spendRecoveryCode,
  spendStep,
} from "../../persistence/identity/second-factors.ts";

export type UsedFactor = "totp" | "recovery_code";

/** Which one it was, used up. The person's row is locked. Throws `invalid_totp`, also for a code that was used before. */
export async function spendSecondFactor(
  tx: Executor,
  envelope: Envelope,
  { user, code }: { user: LockedUser; code: string },
): Promise<UsedFactor> {
  const step = findTotpStep(await openTotpSecret(envelope, user), code.trim(), user);
  if (step !== null && (await spendStep(tx, user.id, step))) return "totp";
  if (await spendRecoveryCode(tx, user.id, hashRecoveryCode(code))) return "recovery_code";
  throw wrongCode(user.id);
}

export function wrongCode(subjectId: string): AppError {
  return new AppError("invalid_totp", "This code is wrong, or was used before; wait for the next one", {
    subjectId,
  });
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
