// How a workspace ends: out of sight at once, then purged row by row. Only these functions pass the triggers that
// keep versions as they are, and a commit without the log entry of a deletion is refused.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { refusingHeld } from "./refuse-held.ts";

export type HiddenWorkspace = {
  outcome: "deleted" | "not_found" | "personal" | "mismatch";
  /** Who was in it. */
  memberIds: string[];
};

/** Needs `workspace.deleted` in the workspace's own chain before the commit. `name` must be the workspace's. Throws `legal_hold`. */
export async function hideWorkspace(tx: Executor, id: string, name: string): Promise<HiddenWorkspace> {
  const row = await refusingHeld(
    tx.one<HiddenWorkspace>(sql`
    select outcome, "memberIds" from erase_mark_workspace(${id}, ${name})`),
  );
  return row ?? { outcome: "not_found", memberIds: [] };
}

/** At most 100, the first deleted first. For the scheduler. */
export async function listDeletedWorkspaces(executor: Executor): Promise<string[]> {
  const rows = await executor.many<{ id: string }>(sql`select id from erase_list_workspaces() as id`);
  return rows.map((row) => row.id);
}

export type PurgeStep = {
  /**
   * The table that rows were taken from, or: cancelled; running (workers still hold executions); waiting
   * (transactions older than the deletion); done; gone (or in another scheduler's hands).
   */
  step: string;
  rows: number;
};

/** One step, at most `limit` rows of one kind (ten times as many steps of executions). For the scheduler. */
export async function purgeBatch(tx: Executor, id: string, limit: number): Promise<PurgeStep> {
  const row = await tx.one<PurgeStep>(sql`select step, rows from erase_workspace_batch(${id}, ${limit})`);
  return row ?? { step: "gone", rows: 0 };
}
