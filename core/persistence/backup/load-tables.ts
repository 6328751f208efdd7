// Fills the tables of a freshly migrated database from a backup, in one transaction of the owner's.
import { type Client, escapeIdentifier } from "pg";
import { AppError } from "../../domain/app-error.ts";
import { copyIn } from "./copy-in.ts";
import { type BackupSource, type BackupTable, listTables } from "./describe-source.ts";
import { fixTextForms } from "./fix-text-forms.ts";

export type Loading = {
  /** Throws `backup_damaged` for a table this schema has not. Resolves to the number of rows. */
  load(table: BackupTable, chunks: AsyncIterable<Buffer>): Promise<number>;
  /** Puts keys, triggers and policies back and commits. Throws `foreign_key_broken`; then nothing is kept. */
  finish(): Promise<void>;
};

type Key = { table: string; name: string; definition: string };

/**
 * Begins. Until `finish` nothing is visible to others, and a lost connection leaves the tables as empty as before.
 * Policies, triggers and foreign keys are away meanwhile: rows come as they were, in any order, and each key is proven
 * for all rows when it is put back.
 */
export async function beginLoading(
  client: Client,
  source: Pick<BackupSource, "months" | "sequences">,
): Promise<Loading> {
  await client.query("begin");
  await fixTextForms(client);
  for (const setting of ["statement_timeout", "idle_in_transaction_session_timeout"]) {
    await client.query(`set local ${setting} = 0`);
  }
  for (const month of source.months) {
    await client.query("select ensure_partition(to_timestamp($1, 'YYYYMMDD'))", [`${month}15`]);
  }
  const tables = await listTables(client);
  const names = tables.map(({ name }) => `public.${escapeIdentifier(name)}`);
  const walled = await listWalled(client);
  const keys = await listKeys(client);
  for (const { table, name } of keys) {
    await client.query(`alter table ${table} drop constraint ${escapeIdentifier(name)}`);
  }
  for (const table of walled) await client.query(`alter table ${table} no force row level security`);
  for (const table of names) await client.query(`alter table ${table} disable trigger user`);
  // Some migrations bring rows; the backup has its own.
  await client.query(`truncate ${names.join(", ")}`);
  return {
    load: (table, chunks) => loadTable(client, tables, table, chunks),
    async finish() {
      await forgetOldServer(client);
      for (const { table, column, value } of source.sequences) {
        await client.query("select setval(pg_get_serial_sequence($1, $2), $3)", [table, column, value]);
      }
      for (const key of keys) await proveKey(client, key);
      for (const table of names) await client.query(`alter table ${table} enable trigger user`);
      for (const table of walled) await client.query(`alter table ${table} force row level security`);
      await client.query("commit");
      await client.query("analyze");
    },
  };
}

async function loadTable(
  client: Client,
  known: readonly BackupTable[],
  { name, columns }: BackupTable,
  chunks: AsyncIterable<Buffer>,
): Promise<number> {
  const here = known.find((table) => table.name === name);
  const unknown = columns.filter((column) => !here?.columns.includes(column));
  if (unknown.length > 0) {
    throw new AppError(
      "backup_damaged",
      `The backup's table ${name} (${unknown.join(", ")}) is none of the schema it says it was taken from`,
    );
  }
  const list = columns.map(escapeIdentifier).join(", ");
  const rows = await copyIn(client, `copy public.${escapeIdentifier(name)} (${list}) from stdin`, chunks);
  const counted = await client.query<{ rows: string }>(
    `select count(*) "rows" from public.${escapeIdentifier(name)}`,
  );
  const stored = Number(counted.rows[0]?.rows ?? 0);
  if (stored === rows) return rows;
  throw new AppError("restore_incomplete", `The table ${name} took ${rows} rows and holds ${stored}`);
}

/** Numbers of transactions mean nothing on another server; sessions and reset links end, see docs/operations.md. */
async function forgetOldServer(client: Client): Promise<void> {
  await client.query("update workspaces set deleted_xid = '3' where deleted_xid is not null");
  await client.query("update erasures set older_transactions = null where older_transactions is not null");
  await client.query(
    "update sessions set ended_at = clock_timestamp(), end_reason = 'admin' where ended_at is null",
  );
  await client.query("truncate reset_tokens");
}

async function proveKey(client: Client, { table, name, definition }: Key): Promise<void> {
  try {
    await client.query(`alter table ${table} add constraint ${escapeIdentifier(name)} ${definition}`);
  } catch (cause) {
    throw new AppError(
      "foreign_key_broken",
      `The backup's rows break the foreign key ${name} of ${table}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function listWalled(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('public.%I', c.relname) "name" from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relforcerowsecurity
       and not c.relispartition order by 1`,
  );
  return rows.map((row) => row.name);
}

async function listKeys(client: Client): Promise<Key[]> {
  const { rows } = await client.query<Key>(
    `select format('public.%I', c.relname) "table", k.conname::text "name", pg_get_constraintdef(k.oid) "definition"
     from pg_constraint k join pg_class c on c.oid = k.conrelid
     where k.connamespace = 'public'::regnamespace and k.contype = 'f' and k.conparentid = 0 order by 1, 2`,
  );
  return rows;
}
