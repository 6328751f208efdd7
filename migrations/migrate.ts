// Brings a database to the schema this code expects: our tables, then BullMQ's and pg-boss's schemas.
import { readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { runMigrations as migrateBullmq } from "bullmq";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { AppError } from "#core/domain/app-error.ts";
import { halfRestored } from "#core/domain/half-restored.ts";
import { OWNER_SESSION } from "#core/domain/session-settings.ts";
import { buildIndexes } from "./build-indexes.ts";
import { findPeople } from "./find-people.ts";
import { migrateTimers } from "./migrate-timers.ts";
import { PATIENCE, type Patience, retryLocked } from "./retry-locked.ts";

const SQL_DIRECTORY = fileURLToPath(new URL("./sql", import.meta.url));

export type MigrateOptions = {
  /** The owner's connection: it owns the tables, needs CREATEROLE, need not be superuser. */
  databaseUrl: string;
  log?: (line: string) => void;
  /** Told what it waits for and how far what takes long has come. */
  tell?: (line: string) => void;
  /** For a restore alone: also on a database that is half restored, and no further than this migration. */
  restoring?: { upTo?: string | undefined };
  /** How often and after which pause it tries again where others hold what it must lock. */
  patience?: Patience;
};

/** Says that what takes long on a big instance has ended; it runs before this one, outside any migration's transaction. */
const BESIDE = "0059_people_found";

/**
 * Applies what is pending; safe to call from several processes at once (an advisory lock serialises). Throws
 * `unsuitable_database`, `half_restored` and `migration_blocked`.
 */
export async function migrateDatabase({
  databaseUrl,
  log = () => {},
  tell = log,
  restoring,
  patience = PATIENCE,
}: MigrateOptions): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: "atelier-migrate" });
  await client.connect();
  try {
    await client.query(OWNER_SESSION);
    await checkEncoding(client);
    await waitForOthers(client, tell);
    if (!restoring) await refuseHalfRestored(client);
    const apply = (upTo: string | undefined) =>
      retryLocked({ client, patience, tell }, () => applyFiles(client, { upTo, log }));
    if (await isAhead(client, restoring?.upTo)) {
      await apply(await nameBefore(BESIDE));
      await findPeople({ client, patience, tell });
      await buildIndexes(client, tell);
    }
    await apply(restoring?.upTo);
    await migrateBullmq(client, "bullmq");
    await client.query(OWNER_SESSION);
    // BullMQ makes a queue's sequence at the first add; the run-time roles may not, so the owner does.
    await client.query(`do $$ declare queue text; begin
      foreach queue in array array['executions', 'executions-busy'] loop
        execute format('create sequence if not exists bullmq.%I', bullmq.job_id_seq_name(queue));
      end loop;
    end $$`);
    await migrateTimers(databaseUrl);
    await grantQueueSchemas(client);
    await grantLedger(client);
  } finally {
    await client.end();
  }
}

/** Names are compared without regard to case, when they are searched and when they are erased. */
async function checkEncoding(client: pg.Client): Promise<void> {
  const ask = async (what: string) => (await client.query(`select ${what} as answer`)).rows[0]?.answer;
  const encoding = await ask("current_setting('server_encoding')");
  if (encoding === "UTF8" && (await ask("lower('Ä') = 'ä'"))) return;
  const fault =
    encoding === "UTF8" ? "in a locale that knows no capitals beyond ASCII" : `encoded in ${encoding}`;
  throw new AppError(
    "unsuitable_database",
    `The database is ${fault}. Make one that is not: create database atelier_utf8 template template0 encoding 'UTF8' ` +
      "locale 'C.UTF-8' owner …; what this one holds goes there by npm run backup of the version that runs, and npm run restore",
  );
}

/** Asks again and again: whoever waits within a statement is what an index that is built concurrently waits for. */
async function waitForOthers(client: pg.Client, tell: (line: string) => void): Promise<void> {
  const text = "select pg_try_advisory_lock(hashtext('atelier'), hashtext('migrate')) as locked";
  for (let tries = 0; ; tries += 1) {
    const { rows } = await client.query<{ locked: boolean }>(text);
    if (rows[0]?.locked) return;
    if (tries === 1)
      tell("Another migration is under way, or its last statement (pg_stat_activity tells): waiting for it");
    await sleep(200);
  }
}

type Apply = { upTo: string | undefined; log: (line: string) => void };

/** Each file in a transaction of its own. */
async function applyFiles(client: pg.Client, { upTo, log }: Apply): Promise<void> {
  await runner({
    dbClient: client,
    dir: SQL_DIRECTORY,
    migrationsTable: "schema_migrations",
    direction: "up",
    checkOrder: true,
    noLock: true,
    log,
    verbose: false,
    ...(await countUpTo(client, upTo)),
  });
}

/** Whether `BESIDE` is still to come, and is to be. */
async function isAhead(client: pg.Client, upTo = BESIDE): Promise<boolean> {
  return upTo >= BESIDE && !(await listApplied(client)).has(BESIDE);
}

async function nameBefore(name: string): Promise<string | undefined> {
  const known = await listMigrations();
  return known[known.indexOf(name) - 1];
}

async function refuseHalfRestored(client: pg.Client): Promise<void> {
  const { rows } = await client.query("select to_regclass('public.half_restored') is not null as marked");
  if (rows[0]?.marked) throw halfRestored();
}

/** How many pending migrations lead to `upTo`; all of them without one. Throws `unknown_migration`. */
async function countUpTo(client: pg.Client, upTo: string | undefined): Promise<{ count?: number }> {
  if (upTo === undefined) return {};
  const known = await listMigrations();
  const last = known.indexOf(upTo);
  if (last === -1) throw new AppError("unknown_migration", `There is no migration ${upTo} in this Atelier`);
  const applied = await listApplied(client);
  return { count: known.slice(0, last + 1).filter((name) => !applied.has(name)).length };
}

async function listApplied(client: pg.Client): Promise<Set<string>> {
  const ledger = await client.query("select to_regclass('public.schema_migrations') is not null as there");
  if (!ledger.rows[0]?.there) return new Set();
  const { rows } = await client.query<{ name: string }>("select name from schema_migrations");
  return new Set(rows.map((row) => row.name));
}

/** The names of all migrations of this code, in their order. */
export async function listMigrations(): Promise<string[]> {
  const files = await readdir(SQL_DIRECTORY);
  return files
    .filter((file) => file.endsWith(".sql"))
    .map((file) => file.slice(0, -".sql".length))
    .sort();
}

/** Every role refuses to start on a schema that is behind its code, so every role may look. */
async function grantLedger(client: pg.Client): Promise<void> {
  await client.query("grant select on schema_migrations to atelier_api, atelier_worker, atelier_scheduler");
}

/** The queue's and timers' schemas stay the owner's; the roles get their rows. They hold ids only. */
async function grantQueueSchemas(client: pg.Client): Promise<void> {
  for (const [schema, roles] of [
    ["bullmq", "atelier_api, atelier_worker, atelier_scheduler"],
    ["pgboss", "atelier_api, atelier_scheduler"],
  ] as const) {
    await client.query(`
      grant usage on schema ${schema} to ${roles};
      grant select, insert, update, delete on all tables in schema ${schema} to ${roles};
      grant usage on all sequences in schema ${schema} to ${roles};
      grant execute on all functions in schema ${schema} to ${roles}`);
  }
}
