// Reads a whole backup without restoring it: is every byte of it what was written, and does the passphrase fit.
import { derivePassphraseKey } from "../../crypto/passphrase-key.ts";
import { AppError } from "../../domain/app-error.ts";
import type { BackupHeader } from "../../domain/backup-format.ts";
import { type BackupContent, openBackupFile } from "./read-backup-file.ts";
import type { BackupKeys } from "./take-backup.ts";

export type CheckedBackup = BackupContent & {
  header: BackupHeader;
  /** Null without a passphrase. */
  keys: BackupKeys | null;
};

/**
 * With a passphrase the file is also proven to be what its maker wrote: damage shows without, a change made with care only
 * so. Throws `backup_damaged`, `no_backup`, `backup_unreadable`, `wrong_passphrase`, `backup_changed`, `backup_unsigned`.
 */
export async function checkBackup(file: string, passphrase: string | null): Promise<CheckedBackup> {
  const reader = await openBackupFile(file);
  try {
    const { header } = reader;
    if (passphrase !== null) refuseUnsigned(header, file);
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

/**
 * Throws `backup_unsigned` for a file without keys, which nothing vouches for: one that somebody stripped of its keys and
 * its signature, to change the rest, looks like one that was taken so.
 */
export function refuseUnsigned({ keys }: BackupHeader, file: string): void {
  if (keys) return;
  throw new AppError(
    "backup_unsigned",
    `${file} says that it was taken without keys, so no passphrase proves that nobody changed it. Where you know that it ` +
      "was, say so: restore with --without-passphrase, check with --without-keys",
  );
}
