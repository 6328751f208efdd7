// Recomputes a chain of the audit log from its rows and says where it was tampered with.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { findAuditHead } from "./audit-heads.ts";
import { listRestores } from "./audit-restores.ts";
import { type AuditLink, checkBatch, readPacked, seqOf } from "./verify-audit-batch.ts";
import type { EntryFault } from "./verify-audit-entry.ts";
import { createErasureCheck } from "./verify-audit-erasures.ts";
import {
  type AuditRestoreTrace,
  createRestoreCheck,
  type RestoreCheck,
  type RestoreJudge,
} from "./verify-audit-restores.ts";

export type AuditFault =
  | EntryFault
  | "tail_missing"
  | "head_changed"
  | "anchor_contradicts"
  | "details_missing"
  | "restore_unproven";

/** A signed head that was kept outside the database. */
export type KnownHead = {
  seq: number;
  /** Hex. */
  hash: string;
  /** When it was signed; ISO 8601. */
  at?: string;
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
  /** Restores from backups that the chain tells of, oldest first; there only when there are some. */
  restores?: AuditRestoreTrace[];
};

const NOBODY_VOUCHES: RestoreJudge = { vouch: () => "unknown_key", ofInstance: [] };

// Checked in one go, for some 8 ms in which nothing else runs here; one batch is read while one is checked.
const BATCH = 1_000;
const GENESIS = "00".repeat(32);

/**
 * Reads the chain up to its head; what is appended meanwhile is left for the next time. The executor must be a
 * transaction that may see the chain. Entries whose details were erased are good where a later entry says so: the chain
 * holds their hash.
 * `known` heads, of this chain, must have been read before; each is compared, also where several are of one entry.
 * A restore that `judge` finds well signed and known to the instance is told of, and explains heads of the life before it;
 * one with a false signature, or of another database, is a fault. A restore of the instance explains heads of a chain that
 * its backup had nothing of.
 */
export async function verifyAuditChain(
  tx: Executor,
  chainId: string,
  known: readonly KnownHead[] = [],
  judge: RestoreJudge = NOBODY_VOUCHES,
): Promise<AuditVerdict> {
  const own = judge.ofInstance.length > 0 ? await listRestores(tx, chainId, judge.vouch) : [];
  const restores = createRestoreCheck(chainId, judge, own);
  const verdict = await walkChain(tx, chainId, known, restores);
  const told = restores.list();
  return told.length === 0 ? verdict : { ...verdict, restores: told };
}

async function walkChain(
  tx: Executor,
  chainId: string,
  known: readonly KnownHead[],
  restores: RestoreCheck,
): Promise<AuditVerdict> {
  // In the order of the primary key: where statistics lag, PostgreSQL sorted the rest of a chain for each batch (a third slower).
  await tx.run(sql`select set_config('enable_sort', 'off', true)`);
  const head = await findAuditHead(tx, chainId);
  const anchors = Map.groupBy(known, (anchor) => anchor.seq);
  const erasures = createErasureCheck();
  const upTo = head?.seq ?? Number.MAX_SAFE_INTEGER;
  let last: AuditLink = { seq: 0, hash: GENESIS };
  let anchored = 0;
  let reading = readPacked(tx, { chainId, after: 0, upTo }, BATCH);
  for (let isLast = false; !isLast; ) {
    const batch = await reading;
    isLast = batch.length < BATCH;
    if (!isLast) {
      reading = readPacked(tx, { chainId, after: seqOf(batch.at(-1)), upTo }, BATCH);
      // Should this batch end the walk, nobody waits for the next one any more.
      reading.catch(() => {});
    }
    const { links, fault } = await checkBatch(tx, chainId, batch, last);
    for (const link of links) {
      if (link.restored !== undefined && !restores.note(link, last)) {
        return refuse(last.seq, "restore_unproven");
      }
      const anchorsHere = anchors.get(link.seq);
      if (anchorsHere) {
        const same = anchorsHere.filter((anchor) => anchor.hash === link.hash);
        const other = anchorsHere.filter((anchor) => anchor.hash !== link.hash);
        for (const anchor of same) restores.agree(anchor);
        const liar = other.find((anchor) => !restores.explains(anchor));
        if (liar) return contradict(anchored, liar);
        if (same.length > 0) anchored = link.seq;
      }
      if (link.erasure) erasures.note(link.seq, link.erasure);
      last = link;
    }
    if (fault) return refuse(last.seq, fault);
  }
  const verdict = judgeEnd(head, last, known, restores);
  const bare = verdict.ok ? await erasures.findUnexplained(tx, chainId, last.seq) : undefined;
  return bare === undefined ? verdict : refuse(bare - 1, "details_missing");
}

/** A tail that was cut off, a head that was set back or taken away. */
function judgeEnd(
  head: { seq: number; hash: Buffer } | null,
  last: AuditLink,
  known: readonly KnownHead[],
  restores: RestoreCheck,
): AuditVerdict {
  if (!head) {
    if (last.seq > 0) return { ok: false, checked: last.seq, firstBad: 1, reason: "head_changed" };
  } else if (last.seq < head.seq) {
    return refuse(last.seq, "tail_missing");
  } else if (head.hash.toString("hex") !== last.hash) {
    return refuse(last.seq, "head_changed");
  }
  const beyond = known.find((anchor) => anchor.seq > last.seq && !restores.explains(anchor));
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
