// Takes a backup: one snapshot of all tables into one file, with the keys under a passphrase.
import { v7 as uuidv7 } from "uuid";
import { checkPassphrase, derivePassphraseKey } from "../../crypto/passphrase-key.ts";
import type { BackupEnd, TableEnd } from "../../domain/backup-format.ts";
import { describeSource } from "../../persistence/backup/describe-source.ts";
import type { TableLocks } from "../../persistence/backup/lock-tables.ts";
import type { OwnerClient } from "../../persistence/backup/owner-client.ts";
import { type KnownKeys, readKnownKeys } from "../../persistence/backup/read-known-keys.ts";
import { beginSnapshot, endSnapshot, readTable } from "../../persistence/backup/read-snapshot.ts";
import { createBackupFile } from "./write-backup-file.ts";

/** As they stand in the environment or in keys.json. */
export type BackupKeys = { JWT_SECRETS: string; ENCRYPTION_KEYS: string };

/**
 * `keysFor` is asked inside the snapshot, since a rotation may come before it: gives the keys of now, and throws when they do
 * not open what the snapshot holds.
 */
export type BackupSecrets = { passphrase: string; keysFor(known: KnownKeys): Promise<BackupKeys> };

export type TakeBackupOptions = {
  /** Of the owner, without time limits, for this alone; the caller ends it. */
  client: OwnerClient;
  file: string;
  version: string;
  /** Null: without the keys, on purpose. */
  secrets: BackupSecrets | null;
  onTable?: (table: TableEnd) => void;
  /** How long a migration is waited for, and who is told. */
  locks?: TableLocks;
};

export type TakenBackup = BackupEnd & { backupId: string; takenAt: string };

/**
 * Throws `weak_passphrase`, `file_exists`, `disk_full`, `pending_migrations`, `backup_blocked`, `half_restored`, and what
 * `keysFor` throws; then there is no file.
 */
export async function takeBackup(options: TakeBackupOptions): Promise<TakenBackup> {
  const { client, file, version, secrets, onTable = () => {}, locks } = options;
  if (secrets) await checkPassphrase(secrets.passphrase);
  const key = secrets ? await derivePassphraseKey(secrets.passphrase) : null;
  const writer = await createBackupFile(file);
  try {
    await beginSnapshot(client, locks);
    const source = await describeSource(client);
    const backupId = uuidv7();
    const carried = secrets && (await secrets.keysFor(await readKnownKeys(client)));
    const keys = key && { salt: key.salt, box: key.seal(JSON.stringify(carried), backupId) };
    await writer.header({ format: 1, backupId, version, ...source, keys });
    for (const table of source.tables) onTable(await writer.table(table, readTable(client, table)));
    await endSnapshot(client);
    const end = await writer.finish(key?.sign);
    return { ...end, backupId, takenAt: source.takenAt };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
