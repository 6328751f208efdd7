// The newest number and hash of each audit chain.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type AuditHead = { chainId: string; seq: number; hash: Buffer };

/** Null for a chain without entries. */
export function findAuditHead(tx: Executor, chainId: string): Promise<AuditHead | null> {
  return tx.one<AuditHead>(sql`
    select chain_id as "chainId", seq, hash from audit_heads where chain_id = ${chainId}`);
}

/** All, or those that moved of late: a transaction is done with its heads long before 10 minutes. */
export function listAuditHeads(tx: Executor, which: "all" | "recent"): Promise<AuditHead[]> {
  const recent = which === "all" ? sql`` : sql`where updated_at > clock_timestamp() - interval '10 minutes'`;
  return tx.many<AuditHead>(sql`
    select chain_id as "chainId", seq, hash from audit_heads ${recent} order by chain_id`);
}
