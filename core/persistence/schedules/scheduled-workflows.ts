// The workflows that schedules run: held while a schedule is saved, let go of when they are archived.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type ScheduledWorkflow = { id: string; workspaceId: string; version: number };

/** Holds it against being archived until the transaction ends. Null when it is archived, missing or out of sight. */
export function holdWorkflow(tx: Executor, id: string): Promise<ScheduledWorkflow | null> {
  return tx.one<ScheduledWorkflow>(sql`
    select id, workspace_id as "workspaceId", version from workflows
    where id = ${id} and archived_at is null for share`);
}

/** A schedule that was on, and its slot that was due and had not been looked at. */
export type RetiredSchedule = { id: string; workspaceId: string; due: string | null };

/**
 * Switches off the schedules of a workflow that the transaction has archived: it runs no more. Resolves to those that were
 * on. Those with slots that wait are held too.
 */
export function switchOff(tx: Executor, workflowId: string): Promise<RetiredSchedule[]> {
  return tx.many<RetiredSchedule>(sql`
    with active as (
      select id, workspace_id, enabled, next_run_at from schedules s
      where workflow_id = ${workflowId} and (enabled or exists (
        select from schedule_fires f where f.schedule_id = s.id and f.outcome = 'pending'))
      order by id for no key update
    ),
    off as (
      update schedules set enabled = false, next_run_at = null, revision = revision + 1, updated_at = now()
      where id in (select id from active where enabled)
    )
    select id, workspace_id as "workspaceId", case when next_run_at <= now() then next_run_at end as due
    from active where enabled order by id`);
}

/** All slots that wait of the workflow's schedules, which are held. */
export async function skipAllPending(tx: Executor, workflowId: string, reason: string): Promise<void> {
  await tx.run(sql`
    update schedule_fires set outcome = 'skipped', reason = ${reason}, fired_at = clock_timestamp()
    where outcome = 'pending' and schedule_id in (select id from schedules where workflow_id = ${workflowId})`);
}
