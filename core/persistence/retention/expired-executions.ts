// What has outlived its workspace's days: found and taken away batch by batch, by a function that knows what is held.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** executions: rows with their steps and approvals; payloads: only what they held. */
export type RetentionPart = "executions" | "payloads";

export type RetentionTask = { workspaceId: string; part: RetentionPart };

/** What may have something to lose; those under legal hold or being deleted are left out. For the scheduler. */
export function listRetentionTasks(executor: Executor): Promise<RetentionTask[]> {
  return executor.many<RetentionTask>(sql`
    select w.id "workspaceId", p.part from workspaces w
    cross join lateral (values ('executions', w.execution_days), ('payloads', w.payload_days)) p (part, days)
    where p.days is not null and w.deleted_at is null and w.legal_hold_at is null
    order by w.id, p.part`);
}

export type ExpiredBatch = {
  /** kept: held, deleted, kept for ever, or being changed at this moment. */
  state: "more" | "done" | "kept";
  executions: number;
  steps: number;
  /** After which the next batch begins. */
  place: string | null;
};

/** At most `limit` executions, ten times as many looked at; `after` null begins. For the scheduler. */
export async function expireBatch(
  tx: Executor,
  { workspaceId, part }: RetentionTask,
  { after, limit }: { after: string | null; limit: number },
): Promise<ExpiredBatch> {
  const row = await tx.one<ExpiredBatch>(sql`
    select state, executions, steps, place from erase_expired_batch(${workspaceId}, ${part}, ${after}, ${limit})`);
  return row ?? { state: "kept", executions: 0, steps: 0, place: after };
}

export type RetentionSum = RetentionTask & {
  executions: number;
  steps: number;
  /** Of the executions; their ids hold their times. null when only steps went so far. */
  firstId: string | null;
  lastId: string | null;
};

/** Which tasks have sums the audit log has not heard of, also of passes that were killed. For the scheduler. */
export function listRetentionSums(executor: Executor): Promise<RetentionTask[]> {
  return executor.many<RetentionTask>(sql`
    select workspace_id "workspaceId", part from retention_passes where executions > 0 or steps > 0
    order by workspace_id, part`);
}

/** Takes the sum out, so that it is told once; null when there is none (any more). */
export function takeRetentionSum(
  tx: Executor,
  { workspaceId, part }: RetentionTask,
): Promise<RetentionSum | null> {
  return tx.one<RetentionSum>(sql`
    with sum as (
      select workspace_id, part, executions, steps, first_id, last_id from retention_passes
      where workspace_id = ${workspaceId} and part = ${part} and (executions > 0 or steps > 0) for update
    ), taken as (
      update retention_passes r set executions = 0, steps = 0, first_id = null, last_id = null
      from sum where r.workspace_id = sum.workspace_id and r.part = sum.part
    )
    select workspace_id "workspaceId", part, executions, steps, first_id "firstId", last_id "lastId" from sum`);
}
