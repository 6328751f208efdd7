// What a backup holds, asked of the catalogue: tables with their columns, months, counters, migrations.
import type { Client } from "pg";

export type BackupTable = { name: string; columns: string[] };

export type BackupSource = {
  /** ISO 8601: when the snapshot was taken, on the database's clock. */
  takenAt: string;
  postgresVersion: string;
  /** In the order in which they were applied. */
  migrations: string[];
  tables: BackupTable[];
  /** `YYYYMM` of the month partitions. */
  months: string[];
  /** The next numbers of tables that count for themselves. */
  sequences: { table: string; column: string; value: number }[];
};

/** Not in a backup: the ledger stands in its header, counts of attempts are forgotten at a crash too. */
export const LEFT_OUT: readonly string[] = ["schema_migrations", "rate_limits", "half_restored"];

/** Must be asked inside the snapshot that is then copied. */
export async function describeSource(client: Client): Promise<BackupSource> {
  const facts = await client.query<{ takenAt: Date; postgresVersion: string }>(
    `select now() "takenAt", current_setting('server_version') "postgresVersion"`,
  );
  const [fact] = facts.rows;
  return {
    takenAt: fact?.takenAt.toISOString() ?? "",
    postgresVersion: fact?.postgresVersion ?? "",
    migrations: await listMigrations(client),
    tables: await listTables(client),
    months: await listMonths(client),
    sequences: await listSequences(client),
  };
}

export async function listMigrations(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>("select name from schema_migrations order by id");
  return rows.map((row) => row.name);
}

/** Partitions are reached through their parents; generated columns generate themselves again. */
export async function listTables(client: Client): Promise<BackupTable[]> {
  const { rows } = await client.query<BackupTable>(
    `select c.relname::text "name", array_agg(a.attname::text order by a.attnum) "columns"
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname <> all ($1::text[]) and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
       and not exists (select from pg_depend d
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     group by c.relname order by c.relname`,
    [LEFT_OUT],
  );
  return rows;
}

async function listMonths(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ month: string }>(
    `select distinct right(c.relname, 6) "month" from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relispartition and c.relkind = 'r'
       and c.relname ~ '_[0-9]{6}$' order by 1`,
  );
  return rows.map((row) => row.month);
}

async function listSequences(client: Client): Promise<BackupSource["sequences"]> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `select c.relname::text "table", a.attname::text "column",
       pg_get_serial_sequence(quote_ident(c.relname), a.attname) "sequence"
     from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attidentity <> ''
       and c.relname <> all ($1::text[]) order by 1, 2`,
    [LEFT_OUT],
  );
  const sequences: BackupSource["sequences"] = [];
  for (const { table, column, sequence } of rows) {
    const { rows: values } = await client.query<{ value: string }>(
      `select last_value "value" from ${sequence}`,
    );
    sequences.push({ table, column, value: Number(values[0]?.value ?? 1) });
  }
  return sequences;
}
