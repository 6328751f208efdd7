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

/** Switches off the schedules of a workflow that the transaction has archived: it runs no more. */
export function switchOff(tx: Executor, workflowId: string): Promise<RetiredSchedule[]> {
  return tx.many<RetiredSchedule>(sql`
    with active as (
      select id, workspace_id, next_run_at from schedules where workflow_id = ${workflowId} and enabled
      order by id for no key update
    ),
    off as (
      update schedules set enabled = false, next_run_at = null, revision = revision + 1, updated_at = now()
      where id in (select id from active)
    )
    select id, workspace_id as "workspaceId", case when next_run_at <= now() then next_run_at end as due
    from active order by id`);
}
