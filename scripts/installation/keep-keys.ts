// The secrets of an installation without an environment of its own: made once, kept in DATA_DIR/keys.json, never remade.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AppError } from "../../core/domain/app-error.ts";

export type Keys = { JWT_SECRETS: string; ENCRYPTION_KEYS: string };

export function keysFileIn(dataDir: string): string {
  return path.join(dataDir, "keys.json");
}

/**
 * The environment goes before the file. Throws `keys_unreadable` rather than make new keys beside a database whose
 * credentials only the old ones can open.
 */
export function keepKeys(dataDir: string, env: NodeJS.ProcessEnv, log: (line: string) => void): Keys {
  const { JWT_SECRETS, ENCRYPTION_KEYS } = env;
  if (JWT_SECRETS && ENCRYPTION_KEYS) return { JWT_SECRETS, ENCRYPTION_KEYS };
  const file = keysFileIn(dataDir);
  const kept = existsSync(file) ? readKeys(file, log) : makeKeys(file, dataDir);
  return {
    JWT_SECRETS: JWT_SECRETS || kept.JWT_SECRETS,
    ENCRYPTION_KEYS: ENCRYPTION_KEYS || kept.ENCRYPTION_KEYS,
  };
}

export function readKeys(file: string, log: (line: string) => void): Keys {
  if (statSync(file).mode & 0o077) {
    chmodSync(file, 0o600);
    log(`${file} was readable by others; its mode is 0600 again`);
  }
  try {
    const keys = JSON.parse(readFileSync(file, "utf8"));
    const wellFormed = (value: unknown) =>
      typeof value === "string" && /^[^:,\s]+:[^:,\s]+(,[^:,\s]+:[^:,\s]+)*$/.test(value);
    if (!wellFormed(keys.JWT_SECRETS) || !wellFormed(keys.ENCRYPTION_KEYS)) {
      throw new Error("JWT_SECRETS and ENCRYPTION_KEYS must both be there, as id:secret");
    }
    return keys;
  } catch (cause) {
    throw new AppError(
      "keys_unreadable",
      `${file} cannot be used (${(cause as Error).message}). It opens the stored credentials, so no new keys were made. ` +
        "Restore the file from a backup, or set JWT_SECRETS and ENCRYPTION_KEYS.",
      { cause },
    );
  }
}

function makeKeys(file: string, dataDir: string): Keys {
  if (existsSync(path.join(dataDir, "postgres"))) {
    throw new AppError(
      "keys_missing",
      `${file} is gone, but the database it belongs to is there. It opens the stored credentials, so no new keys were made. ` +
        "Restore the file from a backup, or set JWT_SECRETS and ENCRYPTION_KEYS.",
    );
  }
  const secret = () => `k1:${randomBytes(32).toString("base64url")}`;
  const keys = { JWT_SECRETS: secret(), ENCRYPTION_KEYS: secret() };
  writeKeys(file, keys);
  return keys;
}

/** Written beside and renamed, so that a full disk or a kill leaves no half file. */
export function writeKeys(file: string, keys: Keys): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
}
