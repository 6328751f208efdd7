// The keys a backup takes along, proven to be the ones that open what is in the database.
import { existsSync } from "node:fs";
import { loadConfig } from "../../core/config.ts";
import { createEnvelope } from "../../core/crypto/envelope.ts";
import { checkKnownCanaries } from "../../core/crypto/key-canary.ts";
import { createKeyring } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import { createKeyCanaries } from "../../core/persistence/credentials/key-canaries.ts";
import type { Database } from "../../core/persistence/database.ts";
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

/** Writes nothing. Throws `wrong_encryption_key`: a backup with the wrong keys would look good until it is needed. */
export async function checkInstalledKeys(
  keys: BackupKeys,
  database: Database,
  databaseUrl: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const config = loadConfig("worker", {
    DATABASE_URL: databaseUrl,
    ENCRYPTION_KEYS: keys.ENCRYPTION_KEYS,
    ALLOW_PLAINTEXT: env.ALLOW_PLAINTEXT,
  });
  const envelope = createEnvelope({ keyring: createKeyring({ keys: config.encryptionKeys }) });
  await checkKnownCanaries(createKeyCanaries(database), envelope);
}
