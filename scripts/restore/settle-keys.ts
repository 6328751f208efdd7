// The keys of the restored instance: those of the backup where none are set, else proof that the set ones fit.
import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import type { KnownKeys } from "../../core/crypto/key-canary.ts";
import type { NamedKey } from "../../core/crypto/keyring.ts";
import { AppError } from "../../core/domain/app-error.ts";
import type { BackupHeader } from "../../core/domain/backup-format.ts";
import type { BackupKeys } from "../../core/services/backup/take-backup.ts";
import {
  lossOf,
  parseEncryptionKeys,
  proveKeys,
  readInstalledKeys,
  refusalOf,
} from "../backup/installed-keys.ts";
import { writeKeys } from "../installation/keep-keys.ts";
import type { RestoreTarget } from "./open-target.ts";

export type SettledKeys = {
  encryptionKeys: readonly NamedKey[];
  /** Throws `wrong_encryption_key` when they do not open what was restored; when the backup's own would, says so whatever is accepted. */
  prove(known: KnownKeys, acceptLost: boolean): Promise<void>;
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
  const parse = (text: BackupKeys) => parseEncryptionKeys(text, target.databaseUrl, env);
  const encryptionKeys = parse(keys);
  return {
    encryptionKeys,
    async prove(known, acceptLost) {
      // Before a loss is accepted: the keys in the file may open what the set ones do not.
      const refusal = target.hasKeys && carried ? await refusalOf(known, encryptionKeys) : null;
      if (refusal && carried) {
        const other = await refusalOf(known, parse(carried));
        if (lossOf(other) < lossOf(refusal)) throw preferCarried(target, env, refusal, other);
      }
      await proveKeys(known, encryptionKeys, { acceptLost, log });
    },
    keep() {
      if (target.hasKeys) return () => {};
      mkdirSync(path.dirname(target.keysFile), { recursive: true });
      writeKeys(target.keysFile, keys);
      return () => rmSync(target.keysFile, { force: true });
    },
  };
}

function preferCarried(
  { keysFile }: RestoreTarget,
  env: NodeJS.ProcessEnv,
  cause: AppError,
  other: AppError | null,
): AppError {
  const [set, instead] = env.ENCRYPTION_KEYS
    ? ["ENCRYPTION_KEYS", "without ENCRYPTION_KEYS and JWT_SECRETS set"]
    : [keysFile, `with ${keysFile} moved away`];
  return new AppError(
    "wrong_encryption_key",
    `The keys of ${set} are used where they are set, and they do not open what is in this backup; the keys it carries ` +
      `${other ? "open more of it" : "do"}. Restore again ${instead}: those of the backup are then written to ${keysFile}. (${cause.message})`,
    { cause },
  );
}
