// Which reads belong into the audit log (45 CFR 164.312(b)): decided from what the read has found, without a look elsewhere.

/** How it was read: `execution` with its input and output, also as the synchronous answer `wait`, or what its `approvals` quote of it; a file's `content`. */
export type ReadWay = "execution" | "steps" | "events" | "wait" | "approvals" | "content";

/** What a row says about its readers. */
export type ReadFacts = {
  workspaceId: string;
  /** DATA_LABELS of what is read. */
  labels: readonly string[];
  /** Its workspace asks for all reads. */
  auditReads: boolean;
};

/** Labelled data always, everything where the workspace asks for it. Lists without payloads are no reads. */
export function isAuditedRead({ labels, auditReads }: Pick<ReadFacts, "labels" | "auditReads">): boolean {
  return auditReads || labels.length > 0;
}

/** Each once, in one order, so that equal reads have equal entries. */
export function joinLabels(...lists: ReadonlyArray<readonly string[]>): string[] {
  return [...new Set(lists.flat())].sort();
}
