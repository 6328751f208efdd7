// Brings a backup's rows into an empty database: the schema of then, the rows, the schema of now.
import type pg from "pg";
import { AppError } from "../../core/domain/app-error.ts";
import type { BackupHeader } from "../../core/domain/backup-format.ts";
import { beginLoading } from "../../core/persistence/backup/load-tables.ts";
import { openBackupFile } from "../../core/services/backup/read-backup-file.ts";
import { listMigrations, migrateDatabase } from "../../migrations/migrate.ts";

export type FillOptions = {
  client: pg.Client;
  databaseUrl: string;
  file: string;
  /** Of the file's end, when it was checked: what is read now must be the same. */
  sha256: string;
  log: (line: string) => void;
};

/** Throws `backup_newer` when the backup has seen migrations that this code does not know. */
export async function refuseNewer({ migrations, version }: BackupHeader): Promise<void> {
  const known = await listMigrations();
  const unknown = migrations.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new AppError(
      "backup_newer",
      `The backup was made by Atelier ${version} with migrations this one does not have: ${unknown.join(", ")}. Restore it ` +
        "with that Atelier or a later one",
    );
  }
  const expected = known.slice(0, known.indexOf(migrations.at(-1) ?? "") + 1);
  const absent = expected.filter((name) => !migrations.includes(name));
  if (absent.length === 0) return;
  throw new AppError(
    "backup_foreign",
    `The backup's database lacked migrations that come before its newest one: ${absent.join(", ")}`,
  );
}

/**
 * Resolves to the number of rows. The rows come in one transaction: all of them are there, or none. Throws `backup_changed`
 * when the file is not the one that was checked, and what reading and loading throw.
 */
export async function fillDatabase({ client, databaseUrl, file, sha256, log }: FillOptions): Promise<number> {
  const reader = await openBackupFile(file);
  try {
    const { header } = reader;
    await migrateDatabase({ databaseUrl, restoring: { upTo: header.migrations.at(-1) } });
    const loading = await beginLoading(client, header);
    const { end } = await reader.readTables(async (table, chunks) => {
      const rows = await loading.load(table, chunks);
      log(`${table.name}: ${rows} rows`);
    });
    if (end.sha256 !== sha256) {
      throw new AppError("backup_changed", `${file} was changed after it had been checked`);
    }
    await loading.finish();
    await migrateDatabase({ databaseUrl, restoring: {} });
    return end.rows;
  } finally {
    await reader.close();
  }
}
