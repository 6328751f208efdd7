// The second factor of a person: its sealed secret, the last step that was accepted, the hashes of recovery codes.
import type { SealedColumns } from "../credentials/credentials.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** As it lies in the row; without a secret nothing was set up, without `enabled` it is not asked for yet. */
export type SecondFactor = {
  enabled: boolean;
  keyId: string | null;
  wrappedKey: Buffer | null;
  ciphertext: Buffer | null;
  lastStep: number | null;
  recoveryCodeHashes: Buffer[];
};

/** A person whose row is locked until the transaction ends: what is read and written in it is one step. */
export type LockedUser = SecondFactor & {
  id: string;
  passwordHash: string;
  passwordSince: string;
  disabled: boolean;
};

/** In the person's own name; null when they are gone. */
export function lockUser(tx: Executor, userId: string): Promise<LockedUser | null> {
  return tx.one<LockedUser>(sql`
    select id, password_hash as "passwordHash",
      extract(epoch from password_changed_at)::text as "passwordSince", disabled_at is not null as disabled,
      totp_enabled_at is not null as enabled, totp_key_id as "keyId", totp_wrapped_key as "wrappedKey",
      totp_secret as ciphertext, totp_last_step as "lastStep", recovery_code_hashes as "recoveryCodeHashes"
    from users where id = ${userId} for no key update`);
}

export async function isTotpEnabled(tx: Executor, userId: string): Promise<boolean> {
  const row = await tx.one<{ enabled: boolean }>(sql`
    select totp_enabled_at is not null as enabled from users where id = ${userId}`);
  return row?.enabled ?? false;
}

/** A secret that waits for its first code; it replaces one that never got any. */
export async function keepPendingSecret(tx: Executor, userId: string, sealed: SealedColumns): Promise<void> {
  await tx.run(sql`
    update users set totp_key_id = ${sealed.keyId}, totp_wrapped_key = ${sealed.wrappedKey},
      totp_secret = ${sealed.ciphertext}, totp_last_step = null, updated_at = now()
    where id = ${userId} and totp_enabled_at is null`);
}

export async function enableSecondFactor(
  tx: Executor,
  row: { userId: string; step: number; recoveryCodeHashes: readonly Buffer[] },
): Promise<void> {
  await tx.run(sql`
    update users set totp_enabled_at = clock_timestamp(), totp_last_step = ${row.step},
      recovery_code_hashes = ${row.recoveryCodeHashes}, updated_at = now()
    where id = ${row.userId}`);
}

/** False when the step or a later one was accepted before. */
export async function spendStep(tx: Executor, userId: string, step: number): Promise<boolean> {
  const spent = await tx.run(sql`
    update users set totp_last_step = ${step}
    where id = ${userId} and (totp_last_step is null or totp_last_step < ${step})`);
  return spent > 0;
}

/** False when it is none of the person's codes, or no longer. */
export async function spendRecoveryCode(tx: Executor, userId: string, hash: Buffer): Promise<boolean> {
  const spent = await tx.run(sql`
    update users set recovery_code_hashes = array_remove(recovery_code_hashes, ${hash}::bytea)
    where id = ${userId} and ${hash}::bytea = any (recovery_code_hashes)`);
  return spent > 0;
}

export async function clearSecondFactor(tx: Executor, userId: string): Promise<void> {
  await tx.run(sql`
    update users set totp_key_id = null, totp_wrapped_key = null, totp_secret = null, totp_enabled_at = null,
      totp_last_step = null, recovery_code_hashes = '{}', updated_at = now()
    where id = ${userId}`);
}
