// Recomputes a chain of the audit log from its rows and says where it was tampered with.
import { canonicalJson } from "../domain/canonical-json.ts";
import { type AuditRecord, canonicalBytes, chainHash, detailsHash } from "./audit-logs.ts";
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

export type AuditVerdict = {
  ok: boolean;
  /** Entries that were found good, from the first on. */
  checked: number;
  /** The number of the first entry that is missing, changed, moved or too many. */
  firstBad?: number;
};

type StoredEntry = AuditRecord & { details: unknown; canonical: Buffer; previousHash: Buffer; hash: Buffer };

// 1,000 entries of about 1 KB: a chain of any length is verified in a few MB.
const BATCH = 1_000;

/**
 * Reads the chain in batches up to its head; what is appended meanwhile is left for the next time. The executor must
 * be a transaction that may see the chain. Entries whose details were erased are good: the chain holds their hash.
 */
export async function verifyAuditChain(tx: Executor, chainId: string): Promise<AuditVerdict> {
  const head = await tx.one<{ seq: number; hash: Buffer }>(
    sql`select seq, hash from audit_heads where chain_id = ${chainId}`,
  );
  let seq = 0;
  let hash: Buffer = Buffer.alloc(32);
  for (;;) {
    const entries = await readBatch(tx, chainId, seq, head?.seq ?? Number.MAX_SAFE_INTEGER);
    for (const entry of entries) {
      if (entry.seq !== seq + 1 || !entry.previousHash.equals(hash) || !isIntact(entry)) {
        return { ok: false, checked: seq, firstBad: seq + 1 };
      }
      seq = entry.seq;
      hash = entry.hash;
    }
    if (entries.length < BATCH) break;
  }
  // A tail that was cut off, a head that was set back or taken away.
  const isWhole = head ? head.seq === seq && head.hash.equals(hash) : seq === 0;
  return isWhole ? { ok: true, checked: seq } : { ok: false, checked: seq, firstBad: head ? seq + 1 : 1 };
}

function readBatch(tx: Executor, chainId: string, after: number, upTo: number): Promise<StoredEntry[]> {
  return tx.many<StoredEntry>(sql`
    select id, chain_id as "chainId", seq, at, actor_id as "actorId", action, target_type as "targetType",
      target_id as "targetId", details, canonical, previous_hash as "previousHash", hash
    from audit_logs where chain_id = ${chainId} and seq > ${after} and seq <= ${upTo}
    order by seq limit ${BATCH}`);
}

/** The columns say what the hashed bytes say, and the bytes are the hashed ones. */
function isIntact(entry: StoredEntry): boolean {
  if (!chainHash(entry.previousHash, entry.canonical).equals(entry.hash)) return false;
  const { id, chainId, seq, at, actorId, action, targetType, targetId } = entry;
  const stored = JSON.parse(entry.canonical.toString()) as AuditRecord;
  const columns = { id, chainId, seq, at, actorId, action, targetType, targetId };
  if (!canonicalBytes({ ...columns, detailsHash: stored.detailsHash }).equals(entry.canonical)) return false;
  return entry.details === null || stored.detailsHash === detailsHash(canonicalJson(entry.details));
}
