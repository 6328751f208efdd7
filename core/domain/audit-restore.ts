// What an audit chain says when its database was restored from a backup: here the life before ended, and another began.
import { createHash } from "node:crypto";
import { z } from "zod";
import { anchorSchema } from "./audit-anchor.ts";
import { canonicalJson } from "./canonical-json.ts";

export const AUDIT_RESTORED = "audit.restored";

const facts = {
  backupId: z.uuid(),
  takenAt: z.iso.datetime(),
  restoredAt: z.iso.datetime(),
  /** The chain's newest entry in the backup, which this one is chained to. */
  seq: z.int().min(0),
  /** Hex. */
  hash: z.string(),
};

/** The details of such an entry. */
export const auditRestoreSchema = z.object({
  ...facts,
  /**
   * The head of then, signed at `restoredAt` with `previous` over the facts: only who holds ENCRYPTION_KEYS can say so, and
   * nobody can hide with it what was signed later.
   */
  anchor: anchorSchema,
});

export type AuditRestore = z.infer<typeof auditRestoreSchema>;
export type AuditRestoreFacts = Omit<AuditRestore, "anchor">;

/** SHA-256 in hex: what the anchor's `previous` must be. */
export function restoreHash(chainId: string, facts: AuditRestoreFacts): string {
  const { backupId, takenAt, restoredAt, seq, hash } = facts;
  return createHash("sha256")
    .update(
      canonicalJson({
        purpose: "atelier/audit-restored/1",
        chainId,
        backupId,
        takenAt,
        restoredAt,
        seq,
        hash,
      }),
    )
    .digest("hex");
}

/** Null for details that are none, or whose anchor speaks of something else. The signature is for others to check. */
export function readRestore(chainId: string, details: unknown): AuditRestore | null {
  const { data } = auditRestoreSchema.safeParse(details);
  if (!data) return null;
  const { anchor, seq, hash, restoredAt } = data;
  const [head, ...more] = anchor.heads;
  const isSame = head?.chainId === chainId && head.seq === seq && head.hash === hash && more.length === 0;
  return isSame && anchor.at === restoredAt && anchor.previous === restoreHash(chainId, data) ? data : null;
}
