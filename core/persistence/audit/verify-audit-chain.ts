// Recomputes a chain of the audit log from its rows and says where it was tampered with.

import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { findAuditHead } from "./audit-heads.ts";
import { type EntryFault, findFault, type StoredEntry } from "./verify-audit-entry.ts";
import { createErasureCheck } from "./verify-audit-erasures.ts";

export type AuditFault =
  | EntryFault
  | "tail_missing"
  | "head_changed"
  | "anchor_contradicts"
  | "details_missing";

/** A signed head that was kept outside the database. */
export type KnownHead = {
  seq: number;
  /** Hex. */
  hash: string;
  /** For people: which file and line says so. */
  source: string;
};

export type AuditVerdict = {
  ok: boolean;
  /** Entries that were found good, from the first on. */
  checked: number;
  /** The number of the first entry that is missing, changed, moved, too many, or no longer proven by an anchor. */
  firstBad?: number;
  reason?: AuditFault;
  /** The anchor that says otherwise. */
  anchor?: KnownHead;
};

// Some 5 MB a batch: a chain of any length is verified in 10 MB, one batch being read while one is checked.
const BATCH = 5_000;
const GENESIS: Buffer = Buffer.alloc(32);

/**
 * Reads the chain up to its head; what is appended meanwhile is left for the next time. The executor must be a
 * transaction that may see the chain. Entries whose details were erased are good where a later entry says so: the chain
 * holds their hash.
 * `known` heads, of this chain, must have been read before; each is compared, also where several are of one entry.
 */
export async function verifyAuditChain(
  tx: Executor,
  chainId: string,
  known: readonly KnownHead[] = [],
): Promise<AuditVerdict> {
  const head = await findAuditHead(tx, chainId);
  const anchors = Map.groupBy(known, (anchor) => anchor.seq);
  const erasures = createErasureCheck();
  const last = { seq: 0, hash: GENESIS, anchored: 0 };
  const upTo = head?.seq ?? Number.MAX_SAFE_INTEGER;
  let reading = readBatch(tx, chainId, 0, upTo);
  for (let isLast = false; !isLast; ) {
    const entries = await reading;
    isLast = entries.length < BATCH;
    if (!isLast) {
      reading = readBatch(tx, chainId, entries.at(-1)?.seq ?? 0, upTo);
      // Should this batch end the walk, nobody waits for the next one any more.
      reading.catch(() => {});
    }
    for (const entry of entries) {
      const reason = findFault(entry, last.seq, last.hash);
      if (reason) return refuse(last.seq, reason);
      const anchored = anchors.get(entry.seq);
      if (anchored) {
        const hash = entry.hash.toString("hex");
        const other = anchored.find((anchor) => anchor.hash !== hash);
        if (other) return contradict(last.anchored, other);
        last.anchored = entry.seq;
      }
      erasures.note(entry);
      last.seq = entry.seq;
      last.hash = entry.hash;
    }
  }
  const verdict = judgeEnd(head, last, known);
  const bare = verdict.ok ? await erasures.findUnexplained(tx, chainId, last.seq) : undefined;
  return bare === undefined ? verdict : refuse(bare - 1, "details_missing");
}

/** A tail that was cut off, a head that was set back or taken away. */
function judgeEnd(
  head: { seq: number; hash: Buffer } | null,
  last: { seq: number; hash: Buffer },
  known: readonly KnownHead[],
): AuditVerdict {
  if (!head) {
    if (last.seq > 0) return { ok: false, checked: last.seq, firstBad: 1, reason: "head_changed" };
  } else if (last.seq < head.seq) {
    return refuse(last.seq, "tail_missing");
  } else if (!head.hash.equals(last.hash)) {
    return refuse(last.seq, "head_changed");
  }
  const beyond = known.find((anchor) => anchor.seq > last.seq);
  if (beyond) return { ...refuse(last.seq, "tail_missing"), anchor: beyond };
  return { ok: true, checked: last.seq };
}

function refuse(checked: number, reason: AuditFault): AuditVerdict {
  return { ok: false, checked, firstBad: checked + 1, reason };
}

/** The chain agrees with itself, but not with the anchor: what follows the last anchor it agrees with is not proven. */
function contradict(anchored: number, anchor: KnownHead): AuditVerdict {
  return { ...refuse(anchored, "anchor_contradicts"), anchor };
}

function readBatch(tx: Executor, chainId: string, after: number, upTo: number): Promise<StoredEntry[]> {
  return tx.many<StoredEntry>(sql`
    select id, chain_id as "chainId", seq, at, actor_id as "actorId", action, target_type as "targetType",
      target_id as "targetId", details, canonical, previous_hash as "previousHash", hash
    from audit_logs where chain_id = ${chainId} and seq > ${after} and seq <= ${upTo}
    order by seq limit ${BATCH}`);
}
