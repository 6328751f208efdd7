// The mark on a database whose restore has begun and has not ended: nothing may start on it.
import type { Client } from "pg";
import { halfRestored } from "../../domain/half-restored.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Throws `half_restored`. Whoever may connect may ask: the mark is a table, and only whether it is there counts. */
export async function refuseHalfRestored(database: Executor): Promise<void> {
  const row = await database.one<{ isMarked: boolean }>(sql`
    select to_regclass('public.half_restored') is not null as "isMarked"`);
  if (row?.isMarked) throw halfRestored();
}

export async function isHalfRestored(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ isMarked: boolean }>(
    `select to_regclass('public.half_restored') is not null "isMarked"`,
  );
  return rows[0]?.isMarked ?? false;
}

/**
 * As the transaction's snapshot sees it: rows that were read beside the mark are half, also when it has gone by now. Throws
 * `half_restored`.
 */
export async function refuseHalfRestoredHere(client: Client): Promise<void> {
  const { rowCount } = await client.query(
    "select from pg_class where relnamespace = 'public'::regnamespace and relname = 'half_restored'",
  );
  if (rowCount !== 0) throw halfRestored();
}

/** The mark remembers the functions that were there before: what is cleared away later is none of them. */
export async function markHalfRestored(client: Client, backupId: string): Promise<void> {
  await client.query("begin");
  await client.query(
    `create table public.half_restored (backup_id uuid not null, begun_at timestamptz not null default now(),
       functions oid[] not null)`,
  );
  await client.query(
    `insert into public.half_restored (backup_id, functions)
     select $1, coalesce(array_agg(p.oid), '{}') from pg_proc p where p.pronamespace = 'public'::regnamespace`,
    [backupId],
  );
  await client.query("commit");
}

export async function unmarkHalfRestored(client: Client): Promise<void> {
  await client.query("drop table public.half_restored");
}
