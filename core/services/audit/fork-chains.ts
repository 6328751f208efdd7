// After a restore every audit chain says so, signed: two lives of one chain can be told apart, also against anchors outside.
import { createAnchorSigner } from "../../crypto/anchor-signer.ts";
import type { NamedKey } from "../../crypto/keyring.ts";
import { AUDIT_RESTORED, type AuditRestoreFacts, restoreHash } from "../../domain/audit-restore.ts";
import { type AuditHead, listAuditHeads } from "../../persistence/audit/audit-heads.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";

export type RestoreOf = { backupId: string; takenAt: string; restoredAt: string };

export type Forked = {
  /** Chains that say so now. */
  chains: number;
  /** Chains that anchors know and the backup has not: begun after it, or taken away before. The proof tells which. */
  absent: string[];
};

const CHAINS_AT_ONCE = 500;
// One entry's details stay small however many chains began since.
const MAX_ABSENT = 1_000;

/**
 * One entry `audit.restored` for each chain, and for the instance's where it had none yet. Of `anchored` chains, the
 * instance's entry names those of which nothing is here: who loses the anchors too still learns that they were.
 */
export async function forkChains(
  database: Database,
  encryptionKeys: readonly NamedKey[],
  restore: RestoreOf,
  anchored: Iterable<string> = [],
): Promise<Forked> {
  const signer = createAnchorSigner(encryptionKeys);
  const heads = await database.transaction({ workspaceIds: [] }, (tx) => listAuditHeads(tx, "all"));
  if (!heads.some(({ chainId }) => chainId === INSTANCE_CHAIN)) {
    heads.unshift({ chainId: INSTANCE_CHAIN, seq: 0, hash: Buffer.alloc(32) });
  }
  const here = new Set(heads.map(({ chainId }) => chainId));
  const absent = [...anchored].filter((chainId) => !here.has(chainId)).sort();
  const told = { absent: { count: absent.length, chainIds: absent.slice(0, MAX_ABSENT) } };
  const entryOf = ({ chainId, seq, hash }: AuditHead) => {
    const facts: AuditRestoreFacts = { ...restore, seq, hash: hash.toString("hex") };
    const anchor = signer.sign({
      at: restore.restoredAt,
      heads: [{ chainId, seq, hash: facts.hash }],
      previous: restoreHash(chainId, facts),
    });
    const isTold = chainId === INSTANCE_CHAIN && absent.length > 0;
    const details = { ...facts, anchor, ...(isTold && told) };
    const target = { targetType: "audit_log", targetId: chainId };
    return { chainId, actorId: null, action: AUDIT_RESTORED, ...target, details };
  };
  for (let at = 0; at < heads.length; at += CHAINS_AT_ONCE) {
    const entries = heads.slice(at, at + CHAINS_AT_ONCE).map(entryOf);
    await database.transaction({ workspaceIds: [] }, (tx) => appendAudit(tx, entries));
  }
  return { chains: heads.length, absent };
}
