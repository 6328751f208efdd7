// The keys a backup takes along, proven to be the ones that open what is in the database.
import { existsSync } from "node:fs";
import { loadConfig } from "../../core/config.ts";
import { checkUsedKeys, type KnownKeys } from "../../core/crypto/key-canary.ts";
import type { NamedKey } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import type { BackupKeys } from "../../core/services/backup/take-backup.ts";
import { readKeys } from "../installation/keep-keys.ts";

/** `file` is where they lie when the environment has none. Throws `keys_missing`. */
export function readInstalledKeys(
  env: NodeJS.ProcessEnv,
  file: string,
  log: (line: string) => void,
): BackupKeys {
  const kept = existsSync(file) ? readKeys(file, log) : null;
  const JWT_SECRETS = env.JWT_SECRETS || kept?.JWT_SECRETS;
  const ENCRYPTION_KEYS = env.ENCRYPTION_KEYS || kept?.ENCRYPTION_KEYS;
  if (JWT_SECRETS && ENCRYPTION_KEYS) return { JWT_SECRETS, ENCRYPTION_KEYS };
  throw new AppError(
    "keys_missing",
    `Neither the environment nor ${file} has JWT_SECRETS and ENCRYPTION_KEYS: set them as the platform has them, or say ` +
      "--without-keys",
  );
}

/** As the roles parse them. Throws `invalid_config`. */
export function parseEncryptionKeys(
  { ENCRYPTION_KEYS }: BackupKeys,
  databaseUrl: string,
  { ALLOW_PLAINTEXT }: NodeJS.ProcessEnv,
): readonly NamedKey[] {
  return loadConfig("worker", { DATABASE_URL: databaseUrl, ENCRYPTION_KEYS, ALLOW_PLAINTEXT }).encryptionKeys;
}

/**
 * Throws `wrong_encryption_key`: a backup with the wrong keys would look good until it is needed. `acceptLost` says it only,
 * for who has lost a key and lives on without what it opened; one that the database has known must be there.
 */
export async function proveKeys(
  known: KnownKeys,
  keys: readonly NamedKey[],
  { acceptLost, log }: { acceptLost: boolean; log: (line: string) => void },
): Promise<void> {
  const refusal = await refusalOf(known, keys);
  if (refusal === null) return;
  if (!(acceptLost && Number.isFinite(lossOf(refusal)))) throw refusal;
  log(`Accepted, though those secrets will not open: ${refusal.message}`);
}

/** Why they do not open everything. null: they do. */
export async function refusalOf(known: KnownKeys, keys: readonly NamedKey[]): Promise<AppError | null> {
  return await checkUsedKeys(known, keys).then(
    () => null,
    (error) => {
      if (error instanceof AppError && error.code === "wrong_encryption_key") return error;
      throw error;
    },
  );
}

/** How many keys that wrap something are not there; infinite when those that are there are not the database's. */
export function lossOf(refusal: AppError | null): number {
  if (refusal === null) return 0;
  const { keyIds } = refusal.details;
  return Array.isArray(keyIds) ? keyIds.length : Number.POSITIVE_INFINITY;
}
