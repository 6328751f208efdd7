// One consistent sight of the whole database: every table as it was at one instant.
import { type Client, escapeIdentifier } from "pg";
import { AppError } from "../../domain/app-error.ts";
import { copyOut } from "./copy-out.ts";
import type { BackupTable } from "./describe-source.ts";
import { fixTextForms } from "./fix-text-forms.ts";
import { refuseHalfRestoredHere } from "./half-restored.ts";
import { lockTables, type TableLocks } from "./lock-tables.ts";

/**
 * Begins the snapshot, as the role that may read everything. Until its end nothing can be dropped, altered or truncated
 * (ACCESS SHARE on every table and partition): a table that is rewritten would look empty to it. As long as it stands,
 * vacuum keeps what was alive when it began. Throws `backup_blocked`, `half_restored`, and `pending_migrations`
 * where the role is not known yet.
 */
export async function beginSnapshot(client: Client, locks: TableLocks = {}): Promise<void> {
  // A restore that is at work holds every table.
  await refuseHalfRestoredHere(client);
  await lockTables(client, { begin: () => beginReading(client), look: () => look(client) }, locks);
}

/**
 * As the role that may read everything, without locks. Nothing in here may take the snapshot: SET does not, a SELECT would.
 * Throws `pending_migrations`.
 */
export async function beginReading(client: Client): Promise<void> {
  await client.query("begin isolation level repeatable read read only");
  try {
    await client.query("set local role atelier_backup");
  } catch (cause) {
    throw new AppError(
      "pending_migrations",
      "This database is older than backups: run node migrations/main.ts first (npm start does it)",
      { cause },
    );
  }
  // A slow disk for the backup must not end the transaction between two tables.
  await client.query("set local idle_in_transaction_session_timeout = 0");
  await client.query("set local statement_timeout = 0");
}

/** Its first statement takes the snapshot. */
async function look(client: Client): Promise<void> {
  await fixTextForms(client);
  await refuseHalfRestoredHere(client);
}

export async function endSnapshot(client: Client): Promise<void> {
  await client.query("rollback");
}

export function readTable(client: Client, { name, columns }: BackupTable): AsyncGenerator<Buffer> {
  const list = columns.map(escapeIdentifier).join(", ");
  return copyOut(client, `copy (select ${list} from public.${escapeIdentifier(name)}) to stdout`);
}
