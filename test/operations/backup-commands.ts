// Backups and restores as people make them, and databases to restore into.
import { randomBytes } from "node:crypto";
import type { TestDatabase } from "../support/database.ts";
import { withDatabase } from "../support/postgres-server.ts";
import { asAdmin } from "../support/query.ts";
import { runScript, type ScriptResult } from "../support/run-script.ts";

export const PASSPHRASE = "a lantern over seven bridges";
/** What createPlatform gives its roles. */
export const KEYS = {
  JWT_SECRETS: "test:0123456789abcdef0123456789abcdef",
  ENCRYPTION_KEYS: "test:0123456789abcdef0123456789abcdef",
};

type Cleanup = { after(callback: () => Promise<void>): void };

/** A database with nothing in it, on the server of `near`. */
export async function createEmptyDatabase(near: TestDatabase, t: Cleanup, how = ""): Promise<TestDatabase> {
  const name = `t_restored_${randomBytes(5).toString("hex")}`;
  await asAdmin(near, `create database ${name} owner atelier ${how}`);
  const drop = async () => {
    await asAdmin(near, `drop database if exists ${name} with (force)`);
  };
  t.after(drop);
  return {
    databaseUrl: withDatabase(near.databaseUrl, name),
    adminUrl: withDatabase(near.adminUrl, name),
    drop,
  };
}

export type CommandPlace = { databaseUrl?: string; dataDir: string; env?: Record<string, string> };

export function runBackup(place: CommandPlace, ...args: string[]): Promise<ScriptResult> {
  return runScript("backup.ts", args, environmentOf(place));
}

export function runRestore(place: CommandPlace, ...args: string[]): Promise<ScriptResult> {
  return runScript("restore.ts", args, environmentOf(place));
}

export function environmentOf({ databaseUrl, dataDir, env }: CommandPlace): Record<string, string> {
  return {
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    DATA_DIR: dataDir,
    BACKUP_PASSPHRASE: PASSPHRASE,
    ...env,
  };
}

/** `name: N rows` of what a command says, by table. */
export function rowsIn(text: string): Map<string, number> {
  const lines = text.matchAll(/^(\w+): (\d+) rows$/gm);
  return new Map([...lines].map(([, name = "", rows]) => [name, Number(rows)]));
}

/** The number of rows and a hash over all of them, by table. */
export async function digestTables(database: TestDatabase): Promise<Map<string, string>> {
  const tables = await asAdmin<{ name: string }>(
    database,
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace
     and relkind in ('r', 'p') and not relispartition
     and relname not in ('schema_migrations', 'rate_limits') order by 1`,
  );
  const digests = new Map<string, string>();
  for (const { name } of tables) {
    const [row] = await asAdmin<{ digest: string }>(
      database,
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as digest from ${name} t`,
    );
    digests.set(name, row?.digest ?? "");
  }
  return digests;
}
