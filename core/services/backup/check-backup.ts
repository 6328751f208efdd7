// Reads a whole backup without restoring it: is every byte of it what was written, and does the passphrase fit.
import { derivePassphraseKey } from "../../crypto/passphrase-key.ts";
import { AppError } from "../../domain/app-error.ts";
import type { BackupHeader } from "../../domain/backup-format.ts";
import { type BackupContent, openBackupFile } from "./read-backup-file.ts";
import type { BackupKeys } from "./take-backup.ts";

export type CheckedBackup = BackupContent & {
  header: BackupHeader;
  /** Null without a passphrase, or in a backup without keys. */
  keys: BackupKeys | null;
};

/**
 * With a passphrase the file is also proven to be what its maker wrote: damage shows without, a change made with care only
 * so. Throws `backup_damaged`, `no_backup`, `backup_unreadable`, `wrong_passphrase`, `backup_changed`.
 */
export async function checkBackup(file: string, passphrase: string | null): Promise<CheckedBackup> {
  const reader = await openBackupFile(file);
  try {
    const { header } = reader;
    const key =
      passphrase !== null && header.keys ? await derivePassphraseKey(passphrase, header.keys.salt) : null;
    const text = key?.open(header.keys?.box ?? "", header.backupId);
    const content = await reader.readTables(async (_table, chunks) => {
      for await (const _chunk of chunks);
    });
    const { sha256, signature = "" } = content.end;
    if (key && !key.isSignature(sha256, signature)) {
      throw new AppError(
        "backup_changed",
        `${file} was changed by somebody who does not know its passphrase: its signature is false`,
      );
    }
    return { ...content, header, keys: text === undefined ? null : JSON.parse(text) };
  } finally {
    await reader.close();
  }
}
