// The restores that a chain tells of; what a workspace's chain says of one counts only when the instance's says it too.
import type { Anchor } from "../../domain/audit-anchor.ts";
import { AUDIT_RESTORED, readRestore } from "../../domain/audit-restore.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type KnownRestore = { backupId: string; takenAt: string; restoredAt: string };

/** Judges the signature of a restore's own anchor. */
export type VouchForRestore = (anchor: Anchor) => "good" | "bad" | "unknown_key";

/**
 * The well signed ones that stand where they say, oldest first. That no entry was taken out around them is for the proof
 * of the chain to say. The executor must be a transaction that may see the chain.
 */
export async function listRestores(
  tx: Executor,
  chainId: string,
  vouch: VouchForRestore,
): Promise<KnownRestore[]> {
  const rows = await tx.many<{ seq: number; previousHash: string; details: unknown }>(sql`
    select seq, encode(previous_hash, 'hex') as "previousHash", details from audit_logs
    where chain_id = ${chainId} and action = ${AUDIT_RESTORED} order by at, seq`);
  return rows.flatMap(({ seq, previousHash, details }) => {
    const restore = readRestore(chainId, details);
    if (!restore || restore.seq + 1 !== seq || restore.hash !== previousHash) return [];
    if (vouch(restore.anchor) !== "good") return [];
    const { backupId, takenAt, restoredAt } = restore;
    return [{ backupId, takenAt, restoredAt }];
  });
}

export function isSameRestore(one: KnownRestore, other: KnownRestore): boolean {
  return one.backupId === other.backupId && one.restoredAt === other.restoredAt;
}
