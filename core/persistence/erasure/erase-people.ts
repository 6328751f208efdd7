// Erasure of people: from one workspace, or from the instance. What named them in the log is emptied; the chain,
// which holds hashes only, still verifies. The functions ask who is asking; a commit without the entry is refused.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type ErasedMember = {
  outcome: "erased" | "not_found" | "mismatch" | "self" | "personal";
  /** How many things they owned belong to the one who asked now. */
  moved: number;
};

export async function eraseMember(
  tx: Executor,
  member: { workspaceId: string; userId: string; email: string },
): Promise<ErasedMember> {
  const row = await tx.one<ErasedMember>(sql`
    select outcome, moved from erase_member(${member.workspaceId}, ${member.userId}, ${member.email})`);
  return row ?? { outcome: "not_found", moved: 0 };
}

export type BegunErasure = {
  outcome: "begun" | "forbidden" | "not_found" | "self" | "mismatch" | "last_owner";
  /** Workspaces deleted with the person. Each needs `workspace.deleted` in its chain before the commit. */
  hidden: string[];
  /** Workspaces they left; with `last_owner` those that would have no owner. */
  shared: string[];
  /** Whose rights have changed. */
  memberIds: string[];
};

export async function beginErasure(
  tx: Executor,
  person: { userId: string; email: string; successorId: string | null },
): Promise<BegunErasure> {
  const row = await tx.one<BegunErasure>(sql`
    select outcome, hidden, shared, "memberIds"
    from erase_begin_person(${person.userId}, ${person.email}, ${person.successorId})`);
  return row ?? { outcome: "forbidden", hidden: [], shared: [], memberIds: [] };
}

/** Needs `user.erased` in the instance's chain before the commit. False: nobody to erase. */
export async function finishErasure(tx: Executor, userId: string): Promise<boolean> {
  const row = await tx.one<{ done: boolean }>(sql`select erase_finish_person(${userId}) as done`);
  return row?.done ?? false;
}

/** A place in the log: after which entry of which chain the next batch begins. */
export type LogPlace = { chain: string; seq: number };

/** `erased`: by chain the ids of the entries whose details are gone. */
export type ErasedDetails = LogPlace & { erased: Record<string, string[]> };

/**
 * Looks at `limit` entries: of one workspace's chain, or of all for an administrator. Each chain in the answer needs
 * `audit.details_erased` before the commit. Null when nothing is left to look at.
 */
export function eraseDetails(
  tx: Executor,
  person: { userId: string; workspaceId: string | null },
  after: LogPlace,
  limit: number,
): Promise<ErasedDetails | null> {
  return tx.one<ErasedDetails>(sql`
    select chain, seq, erased
    from erase_audit_details(${person.userId}, ${person.workspaceId}, ${after.chain}, ${after.seq}, ${limit})`);
}
