// Pending erasures of people, taken to their end step by step by whoever comes along. What named the person in the log
// is emptied; the chain, which holds hashes only, still verifies.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** How far an erasure has come, with the sums since it began. */
export type ErasureSums = {
  movedItems: number;
  deletedWorkspaces: number;
  leftWorkspaces: number;
  erasedEntries: number;
};

export type ErasureStep = ErasureSums & {
  /**
   * read: there is more of the log; sealed: the person's row is nameless now; waiting: transactions that may have read
   * it before are still alive, or a writer is slow; done: with this step; finished: before it; busy: this one or
   * another is in other hands at this moment.
   */
  step: "read" | "sealed" | "waiting" | "done" | "finished" | "busy";
  userId: string;
  /** Null: of the whole instance. */
  chainId: string | null;
  askedBy: string;
  /** By chain the ids of the entries whose details went. Each chain needs `audit.details_erased` before the commit. */
  erased: Record<string, string[]>;
  /** Workspaces that came to the person after the beginning: deleted with them (`workspace.deleted`), or left. */
  hidden: string[];
  shared: string[];
  /** Whose rights have changed. */
  memberIds: string[];
};

/**
 * Looks at `limit` entries, twice that at the end, where it holds the heads of the chains until the commit. For
 * `holdMs` after it the erasure is not `due`. `done` of the instance needs `user.erased` in the instance's chain.
 */
export async function takeErasureStep(
  tx: Executor,
  id: string,
  { limit, holdMs }: { limit: number; holdMs: number },
): Promise<ErasureStep> {
  const rows = await tx.many<ErasureStep>(sql`
    select step, "userId", "chainId", "askedBy", erased, hidden, shared, "memberIds", "movedItems",
      "deletedWorkspaces", "leftWorkspaces", "erasedEntries"
    from erase_step(${id}, ${limit}, ${holdMs})`);
  return rows[0] as ErasureStep;
}

export type PendingErasure = {
  id: string;
  userId: string;
  chainId: string | null;
  /** Since it began. */
  ageSeconds: number;
  /** In a row, without a step that went well. */
  failures: number;
  /** False: somebody is at work, or it failed a moment ago. */
  due: boolean;
};

/** At most 100, what has been due longest first. For the scheduler. */
export function listPendingErasures(executor: Executor): Promise<PendingErasure[]> {
  return executor.many<PendingErasure>(sql`
    select id, "userId", "chainId", "ageSeconds", failures, due from erase_list_pending()`);
}

/** Puts it off, longer each time, for 5 minutes at most. For the scheduler. */
export async function noteErasureFailure(executor: Executor, id: string): Promise<void> {
  await executor.run(sql`select erase_note_failure(${id})`);
}
