// The keys of the restored instance: those of the backup where none are set, else proof that the set ones fit.
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { loadConfig } from "../../core/config.ts";
import type { NamedKey } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import type { BackupHeader } from "../../core/domain/backup-format.ts";
import type { BackupKeys } from "../../core/services/backup/take-backup.ts";
import { readInstalledKeys } from "../backup/installed-keys.ts";
import { writeKeys } from "../installation/keep-keys.ts";
import type { RestoreTarget } from "./open-target.ts";

export type SettledKeys = {
  encryptionKeys: readonly NamedKey[];
  /** Writes the file when the keys are the backup's; resolves to what to do when it must not stay. */
  keep(): () => void;
};

/** `carried`: what the backup had, opened. Throws `keys_missing`. */
export function settleKeys(
  target: RestoreTarget,
  header: BackupHeader,
  carried: BackupKeys | null,
  env: NodeJS.ProcessEnv,
  log: (line: string) => void,
): SettledKeys {
  if (!target.hasKeys && !carried) {
    throw new AppError(
      "keys_missing",
      `No keys come with the backup ${header.backupId}, or not without its passphrase: put the keys.json of then at ${target.keysFile}, or set ` +
        "JWT_SECRETS and ENCRYPTION_KEYS",
    );
  }
  const keys = target.hasKeys || !carried ? readInstalledKeys(env, target.keysFile, log) : carried;
  const { encryptionKeys } = loadConfig("worker", {
    DATABASE_URL: target.databaseUrl,
    ENCRYPTION_KEYS: keys.ENCRYPTION_KEYS,
    ALLOW_PLAINTEXT: env.ALLOW_PLAINTEXT,
  });
  return {
    encryptionKeys,
    keep() {
      if (target.hasKeys) return () => {};
      mkdirSync(path.dirname(target.keysFile), { recursive: true });
      writeKeys(target.keysFile, keys);
      return () => rmSync(target.keysFile, { force: true });
    },
  };
}
