// What a process refuses to start on: a schema that is behind its code, or a role that row-level security ignores.
import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "../domain/app-error.ts";
import { SESSION_SETTINGS } from "../domain/session-settings.ts";
import { refuseHalfRestored } from "./backup/half-restored.ts";
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

const SQL_DIRECTORY = fileURLToPath(new URL("../../migrations/sql", import.meta.url));

// What PostgreSQL says to the first connection when the migrations that make the run-time roles never ran: 22023
// where the owner switches to a role, in the server's language; 28000 where a role logs in itself, and for much else.
const NO_ROLE: Readonly<Record<string, RegExp>> = {
  22023: /\batelier_(api|worker|scheduler)\b/,
  28000: /^role "atelier_(api|worker|scheduler)" does not exist$/,
};

/** Throws `half_restored`, which the restore itself does not mind, `pending_migrations`, `unsafe_role` or `settings_lost`. */
export async function checkDatabase(database: Executor, { isRestoring = false } = {}): Promise<void> {
  try {
    if (!isRestoring) await refuseHalfRestored(database);
    await checkRole(database);
  } catch (error) {
    throw isRoleMissing(error) ? pending("all of them", error) : error;
  }
  await checkSettings(database);
  await checkMigrations(database);
}

/** A pooler may take them away, and months, dates and locks would be others than the code means. */
async function checkSettings(database: Executor): Promise<void> {
  const lost = await database.many<{ name: string; value: string }>(sql`
    select name, current_setting(name) as value
    from unnest(${Object.keys(SESSION_SETTINGS)}::text[], ${Object.values(SESSION_SETTINGS)}::text[]) as s (name, asked)
    where current_setting(name) <> asked`);
  if (lost.length === 0) return;
  throw new AppError(
    "settings_lost",
    `This connection has not the settings it asked for (${lost.map(({ name, value }) => `${name} is ${value}`).join(", ")}): a ` +
      "pooler takes them away. Connect to PostgreSQL itself, or let the pooler pass startup options and keep sessions apart",
  );
}

function isRoleMissing(error: unknown): boolean {
  if (!(error instanceof Error && "code" in error)) return false;
  return NO_ROLE[String(error.code)]?.test(error.message) ?? false;
}

async function checkRole(database: Executor): Promise<void> {
  const role = await database.one<{ name: string; isUnsafe: boolean }>(sql`
    select rolname as name, rolsuper or rolbypassrls or exists (
      select from pg_class where relnamespace = to_regnamespace('public') and relowner = pg_roles.oid
    ) as "isUnsafe"
    from pg_roles where rolname = current_user`);
  if (role && !role.isUnsafe) return;
  throw new AppError(
    "unsafe_role",
    `The database role ${role?.name ?? "(unknown)"} is a superuser, owns tables or bypasses row-level security; use another`,
  );
}

async function checkMigrations(database: Executor): Promise<void> {
  const table = await database.one<{ isReadable: boolean }>(sql`
    select coalesce(has_table_privilege(to_regclass('public.schema_migrations'), 'select'), false) "isReadable"`);
  if (!table?.isReadable) throw pending("all of them");
  const rows = await database.many<{ name: string }>(sql`select name from schema_migrations`);
  const applied = new Set(rows.map((row) => row.name));
  const missing = (await expectedMigrations()).filter((name) => !applied.has(name));
  if (missing.length > 0) throw pending(missing.join(", "));
}

async function expectedMigrations(): Promise<string[]> {
  const files = await readdir(SQL_DIRECTORY);
  return files
    .filter((file) => file.endsWith(".sql"))
    .map((file) => path.basename(file, ".sql"))
    .sort();
}

function pending(names: string, cause?: unknown): AppError {
  return new AppError(
    "pending_migrations",
    `The database is behind this code, migrations are pending: ${names}. Run node migrations/main.ts (npm start does it)`,
    { cause },
  );
}
