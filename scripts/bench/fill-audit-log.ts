// Audit chains as long as those of a busy year.
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { appendAudit } from "../../core/persistence/audit/audit-logs.ts";
import type { Database } from "../../core/persistence/database.ts";

const BATCH = 1_000;

/** A chain of submissions, written as the platform writes them; its id. */
export async function fillVerifiable(database: Database, rows: number): Promise<string> {
  const chainId = uuidv7();
  const workflowId = uuidv7();
  for (let written = 0; written < rows; written += BATCH) {
    const entries = Array.from({ length: Math.min(BATCH, rows - written) }, (_, index) => {
      const target = { targetType: "execution", targetId: uuidv7() };
      const details = { workflowId, version: index };
      return { chainId, actorId: workflowId, action: "execution.submitted", ...target, details };
    });
    await database.transaction({ workspaceIds: [] }, (tx) => appendAudit(tx, entries));
  }
  return chainId;
}

/** The big one holds 7 of 8 entries. */
export type SearchableChains = { big: string; small: string };

/** No hashes: searching never reads them. Needs a superuser whose triggers are off. */
export async function fillSearchable(admin: pg.Client, rows: number): Promise<SearchableChains> {
  const chains = { big: uuidv7(), small: uuidv7() };
  // Built at the end, as indexes they come out the same and take a tenth of the time.
  const { rows: indexes } = await admin.query<{ name: string; definition: string }>(`
    select i.indexrelid::regclass as name, pg_get_indexdef(i.indexrelid) as definition from pg_index i
    where i.indrelid = 'audit_logs'::regclass and not i.indisprimary`);
  for (const { name } of indexes) await admin.query(`drop index ${name}`);
  await admin.query(INSERT_ROWS, [chains.big, chains.small, rows]);
  await admin.query("set maintenance_work_mem = '1GB'");
  for (const { definition } of indexes) await admin.query(definition);
  await admin.query("vacuum analyze audit_logs");
  return chains;
}

// Five kinds of entries, from nearly all to 1 in 100,000; 50 people, some of whom do most; an entry each 6 s until now.
const INSERT_ROWS = `
  insert into audit_logs (chain_id, seq, id, at, actor_id, action, target_type, target_id, details, canonical,
    previous_hash, hash, words)
  select chain, n, id, now() - ($3::int - n) * interval '6 s', actor, kind || '.done', kind, id::text,
    jsonb_build_object('name', 'name' || n % 1000, 'version', n % 7), '', '', '',
    array_to_tsvector(array(select distinct right(chain::text, 6) || word from unnest(array[kind, 'done', '_' || kind,
      replace(id::text, '-', ''), 'name' || n % 1000, (n % 7)::text, 'once' || n]) word))
  from (
    select n, gen_random_uuid() as id, case when n % 8 = 0 then $2::uuid else $1::uuid end as chain,
      md5('actor' || floor(50 * power(random(), 3)))::uuid as actor,
      case when n % 100000 = 5 then 'workspace' when n % 1000 = 7 then 'credential' when n % 40 = 3 then 'workflow'
        when n % 10 = 2 then 'file' else 'execution' end as kind
    from generate_series(1, $3::int) n) made`;
