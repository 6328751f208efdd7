// All chains there are, also those whose head or whose entries somebody took away.
import type pg from "pg";
import { connectOwner } from "../installation/owner-client.ts";

/**
 * As the role that may see the numbers of all entries; `databaseUrl` is the owner's. Entries are skipped through chain by
 * chain, so it takes one look into the index for each.
 */
export async function listChains(databaseUrl: string): Promise<string[]> {
  const client = await connectOwner(databaseUrl, "atelier-audit");
  try {
    const heads = await listAs(client, "atelier_api", "select chain_id as id from audit_heads");
    const entries = await listAs(
      client,
      "atelier_identity",
      `with recursive chain as (
         (select chain_id as id from audit_logs order by chain_id limit 1)
         union all
         select (select chain_id from audit_logs where chain_id > chain.id order by chain_id limit 1)
         from chain where id is not null
       )
       select id from chain where id is not null`,
    );
    return [...new Set([...heads, ...entries])].sort();
  } finally {
    await client.end();
  }
}

async function listAs(client: pg.Client, role: string, statement: string): Promise<string[]> {
  await client.query(`set role ${role}`);
  const { rows } = await client.query<{ id: string }>(statement);
  return rows.map((row) => row.id);
}
