// Restores that a chain tells of, and which heads of before they explain: what was signed of entries that a backup had not.
import { readRestore } from "../../domain/audit-restore.ts";
import { INSTANCE_CHAIN } from "./audit-logs.ts";
import { isSameRestore, type KnownRestore, type VouchForRestore } from "./audit-restores.ts";
import type { AuditLink } from "./verify-audit-batch.ts";
import type { KnownHead } from "./verify-audit-chain.ts";

export type AuditRestoreTrace = {
  /** The number of the entry that tells of it; 0 where the chain began after the backup, and nothing of it is left. */
  seq: number;
  backupId: string;
  takenAt: string;
  restoredAt: string;
  /** False: no trusted key vouches for it (none was given), or the instance never was restored so; it explains nothing. */
  isProven: boolean;
  /** True: well signed, but the instance's chain tells of no such restore. It was brought here from another database. */
  isForeign?: true;
  /** The newest entry of the life before that an anchor proves and this chain has lost; the first lost one is `seq`. */
  lost?: { upTo: number; anchors: number; source: string };
};

export type RestoreJudge = {
  vouch: VouchForRestore;
  /** What the instance's chain tells of. */
  ofInstance: readonly KnownRestore[];
};

export type RestoreCheck = {
  /**
   * Takes an entry of that action; false: it does not say what a restore says, not with the right signature, or not what
   * the instance says.
   */
  note(link: AuditLink, previous: AuditLink): boolean;
  /**
   * Whether a head that the chain contradicts, or does not reach, belongs to a life that a restore has ended: one the chain
   * tells of, or one that the instance tells of and that found nothing of this chain in its backup.
   */
  explains(head: KnownHead): boolean;
  /** Takes a head that the chain agrees with: what was signed before a restore and is here was in its backup. */
  agree(head: KnownHead): void;
  list(): AuditRestoreTrace[];
};

// Heads are signed by another clock than the one that says when a backup was taken.
const CLOCKS_MS = 300_000;

/**
 * Signed after the backup and before the restore. What was signed earlier had to be in the backup: where it is not, it had
 * been taken away before. What was signed later belongs to the new life.
 */
function wasBetween({ takenAt, restoredAt }: KnownRestore, { at }: KnownHead): boolean {
  return at !== undefined && at <= restoredAt && Date.parse(at) > Date.parse(takenAt) - CLOCKS_MS;
}

/** `own`: all that this chain tells of, asked beforehand, so that none of them is taken for one that found nothing here. */
export function createRestoreCheck(
  chainId: string,
  { vouch, ofInstance }: RestoreJudge,
  own: readonly KnownRestore[],
): RestoreCheck {
  const restores: AuditRestoreTrace[] = [];
  const isInstance = chainId === INSTANCE_CHAIN;
  // From the first one that it tells of, it was in every backup.
  const [first] = own;
  let foundNothing = isInstance
    ? []
    : ofInstance.filter(({ restoredAt }) => first === undefined || restoredAt < first.restoredAt);
  const findOwn = (head: KnownHead) =>
    restores.find((one) => one.isProven && one.seq > 0 && head.seq >= one.seq && wasBetween(one, head));
  const findAbsence = (head: KnownHead) => {
    const cause = foundNothing.find((one) => wasBetween(one, head));
    const told = cause && restores.find((one) => one.seq === 0 && isSameRestore(one, cause));
    if (!cause || told) return told;
    const trace: AuditRestoreTrace = { seq: 0, ...cause, isProven: true };
    restores.push(trace);
    return trace;
  };
  return {
    note(link, previous) {
      const restore = readRestore(chainId, link.restored);
      if (!restore || restore.seq !== previous.seq || restore.hash !== previous.hash) return false;
      const verdict = vouch(restore.anchor);
      if (verdict === "bad") return false;
      const { backupId, takenAt, restoredAt } = restore;
      const isGood = verdict === "good";
      // Also a test of another backup makes true entries: in a copy of the database, whose instance was restored then.
      const isForeign = isGood && !isInstance && !ofInstance.some((one) => isSameRestore(one, restore));
      restores.push({
        ...{ seq: link.seq, backupId, takenAt, restoredAt, isProven: isGood && !isForeign },
        ...(isForeign && { isForeign }),
      });
      return !isForeign;
    },
    explains(head) {
      const restore = findOwn(head) ?? findAbsence(head);
      if (restore) lose(restore, head);
      return restore !== undefined;
    },
    agree({ at = "" }) {
      if (foundNothing.length > 0) foundNothing = foundNothing.filter(({ restoredAt }) => at > restoredAt);
    },
    list: () => restores,
  };
}

function lose(restore: AuditRestoreTrace, head: KnownHead): void {
  const upTo = Math.max(restore.lost?.upTo ?? 0, head.seq);
  const source = upTo === head.seq ? head.source : (restore.lost?.source ?? head.source);
  restore.lost = { upTo, anchors: (restore.lost?.anchors ?? 0) + 1, source };
}
