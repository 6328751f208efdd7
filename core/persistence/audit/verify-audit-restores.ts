// Restores that a chain tells of, and which heads of before they explain: what was signed of entries that a backup had not.
import type { Anchor } from "../../domain/audit-anchor.ts";
import { readRestore } from "../../domain/audit-restore.ts";
import type { AuditLink } from "./verify-audit-batch.ts";
import type { KnownHead } from "./verify-audit-chain.ts";

export type AuditRestoreTrace = {
  /** The number of the entry that tells of it. */
  seq: number;
  backupId: string;
  takenAt: string;
  restoredAt: string;
  /** False: no trusted key vouches for it (none was given), so it explains nothing. */
  isProven: boolean;
  /** The newest entry of the life before that an anchor proves and this chain has lost; the first lost one is `seq`. */
  lost?: { upTo: number; anchors: number; source: string };
};

/** Judges the signature of a restore's own anchor. */
export type VouchForRestore = (anchor: Anchor) => "good" | "bad" | "unknown_key";

export type RestoreCheck = {
  /** Takes an entry of that action; false: it does not say what a restore says, or not with the right signature. */
  note(chainId: string, link: AuditLink, previous: AuditLink): boolean;
  /** Whether a head that the chain contradicts, or does not reach, belongs to a life that a restore has ended. */
  explains(head: KnownHead): boolean;
  list(): AuditRestoreTrace[];
};

export function createRestoreCheck(vouch: VouchForRestore): RestoreCheck {
  const restores: AuditRestoreTrace[] = [];
  return {
    note(chainId, link, previous) {
      const restore = readRestore(chainId, link.restored);
      if (!restore || restore.seq !== previous.seq || restore.hash !== previous.hash) return false;
      const verdict = vouch(restore.anchor);
      if (verdict === "bad") return false;
      const { backupId, takenAt, restoredAt } = restore;
      restores.push({ seq: link.seq, backupId, takenAt, restoredAt, isProven: verdict === "good" });
      return true;
    },
    explains(head) {
      // Signed before the restore, of an entry after the backup: later heads must agree with the chain.
      const restore = restores.find(
        ({ isProven, seq, restoredAt }) =>
          isProven && head.seq >= seq && head.at !== undefined && head.at <= restoredAt,
      );
      if (!restore) return false;
      const upTo = Math.max(restore.lost?.upTo ?? 0, head.seq);
      const source = upTo === head.seq ? head.source : (restore.lost?.source ?? head.source);
      restore.lost = { upTo, anchors: (restore.lost?.anchors ?? 0) + 1, source };
      return true;
    },
    list: () => restores,
  };
}
