// The newest number and hash of each audit chain.
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

export type AuditHead = { chainId: string; seq: number; hash: Buffer };

/** Null for a chain without entries. */
export function findAuditHead(tx: Executor, chainId: string): Promise<AuditHead | null> {
  return tx.one<AuditHead>(sql`
    select chain_id as "chainId", seq, hash from audit_heads where chain_id = ${chainId}`);
}

/** Those that moved after the given time (ISO) on the database's clock, in the order of their ids. */
export function listMovedHeads(tx: Executor, since: string): Promise<AuditHead[]> {
  return tx.many<AuditHead>(sql`
    select chain_id as "chainId", seq, hash from audit_heads where updated_at > ${since} order by chain_id`);
}
