// Where a backup may be restored to: a database with nothing in it, or what a broken-off restore left.
import type { Client } from "pg";
import { isHalfRestored } from "./half-restored.ts";

/** What is there, in words, at most 20; what extensions brought is nobody's data. */
export async function listOccupants(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%s %s.%s', case c.relkind when 'v' then 'view' when 'S' then 'sequence' else 'table' end,
       n.nspname, c.relname) "name"
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg\\_temp%'
       and n.nspname not like 'pg\\_toast%' and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and not c.relispartition
       and not exists (select from pg_depend d
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     order by n.nspname = 'public' desc, c.relkind = 'S', 1 limit 20`,
  );
  return rows.map((row) => row.name);
}

/**
 * Takes away what a restore made, in a database that was empty but for functions when the restore put its mark there;
 * without a mark nothing.
 */
export async function clearTarget(client: Client): Promise<void> {
  if (!(await isHalfRestored(client))) return;
  await client.query("drop schema if exists bullmq, pgboss cascade");
  // Table by table: one transaction for all would need more locks than a server has places for.
  const { rows: tables } = await client.query<{ name: string }>(
    `select format('public.%I', c.relname) "name" from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname <> 'half_restored' and not exists (select from pg_depend d
         where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`,
  );
  for (const { name } of tables) await client.query(`drop table if exists ${name} cascade`);
  // As JSON: the mark of a restore of the release before names none, and that release spared none.
  const { rows: functions } = await client.query<{ name: string }>(
    `select p.oid::regprocedure::text "name" from pg_proc p
     where p.pronamespace = 'public'::regnamespace
       and not exists (select from public.half_restored h where to_jsonb(h) -> 'functions' @> to_jsonb(p.oid))
       and not exists (select from pg_depend d
         where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')`,
  );
  for (const { name } of functions) await client.query(`drop function if exists ${name} cascade`);
  // The mark goes last: whatever breaks this off, the next restore begins here again.
  await client.query("drop table if exists public.half_restored");
}
