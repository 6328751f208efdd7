// Brings a database to the schema this code expects: our tables, then BullMQ's and pg-boss's schemas.
import { fileURLToPath } from "node:url";
import { runMigrations as migrateBullmq } from "bullmq";
import { runner } from "node-pg-migrate";
import pg from "pg";
import { migrateTimers } from "./migrate-timers.ts";

const SQL_DIRECTORY = fileURLToPath(new URL("./sql", import.meta.url));

export type MigrateOptions = {
  /** The owner's connection: it owns the tables, needs CREATEROLE, need not be superuser. */
  databaseUrl: string;
  log?: (line: string) => void;
};

/** Applies what is pending; safe to call from several processes at once (an advisory lock serialises). */
export async function migrateDatabase({ databaseUrl, log = () => {} }: MigrateOptions): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: "atelier-migrate" });
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(hashtext('atelier'), hashtext('migrate'))");
    await runner({
      dbClient: client,
      dir: SQL_DIRECTORY,
      migrationsTable: "schema_migrations",
      direction: "up",
      checkOrder: true,
      noLock: true,
      log,
      verbose: false,
    });
    await migrateBullmq(client, "bullmq");
    await client.query("set search_path to default");
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
