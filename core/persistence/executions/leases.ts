// Leases on the database clock: renewing them, letting go, and taking back what a dead worker held.

import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { RUNNING } from "./bound-status.ts";
import { CANCELLED_ERROR } from "./cancelled-error.ts";
import { inMonthsOf } from "./months-of-ids.ts";
import { FAILED_COLUMNS, startErrorWorkflows } from "./start-error-workflows.ts";

export type RenewedLease = { id: string; fence: number; cancelRequested: boolean };

/**
 * Extends the leases a worker still holds. What does not come back under the fence it was claimed with is lost to
 * it, also when the same worker has claimed it again. Rows that are being written at this moment are left to the
 * next renewal: waiting for several of them, this and a batch of finishes would stop each other.
 */
export function renewLeases(
  database: Executor,
  renewal: { owner: string; ids: readonly string[]; leaseMs: number },
): Promise<RenewedLease[]> {
  const months = inMonthsOf(renewal.ids);
  return database.many<RenewedLease>(sql`
    with mine as (
      select e.id, e.fence, e.cancel_requested_at is not null "cancelRequested" from workflow_executions e
      where e.id = any(${renewal.ids}::uuid[]) and e.lease_owner = ${renewal.owner} and e.status = ${RUNNING} ${months}
    ),
    free as (
      select e.id from workflow_executions e join mine on mine.id = e.id
      where e.id = any(${renewal.ids}::uuid[]) and e.lease_owner = ${renewal.owner} and e.status = ${RUNNING}
        ${months}
      for no key update of e skip locked
    ),
    renewed as (
      update workflow_executions e
      set lease_until = clock_timestamp() + make_interval(secs => ${renewal.leaseMs / 1000}::float8)
      from free where e.id = free.id and e.id = any(${renewal.ids}::uuid[]) ${months}
    )
    select id, fence, "cancelRequested" from mine`);
}

/** Ends every lease of a worker known to be dead, so that the reaper need not wait for them to run out. */
export function endLeases(database: Executor, owner: string): Promise<number> {
  return database.run(sql`
    with gone as (
      update workers set stopped_at = clock_timestamp() where id = ${owner}
    )
    update workflow_executions set lease_until = clock_timestamp()
    where lease_owner = ${owner} and status = 'running' and lease_until > clock_timestamp()`);
}

export type ReapedExecution = {
  id: string;
  wake: number;
  priority: number;
  band: number;
  status: "queued" | "failed" | "cancelled";
  /** The error workflow that should have been started, but is not there. */
  goneErrorWorkflowId: string | null;
  /** Its worker was dead, and that counts against it. */
  crashed: boolean;
};

/**
 * Takes back executions whose lease ran out: queued again under a new wake number; cancelled when that had been
 * asked for; failed with `worker_lost` when `maxCrashes` workers died over it. A worker that still beats has let go
 * of it for another reason, which is not the execution's fault and not counted.
 */
export function reapExecutions(
  database: Executor,
  options: { maxCrashes: number; limit: number; silentMs: number },
): Promise<ReapedExecution[]> {
  return database.many<ReapedExecution>(sql`
    with lost as (
      select id from workflow_executions
      where status = 'running' and lease_until < now()
      order by lease_until limit ${options.limit} for update skip locked
    ),
    crashes as (
      select e.id, e.cancel_requested_at, e.crash_count crashed_before, e.crash_count + case when exists (
        select from workers w where w.id = e.lease_owner and w.stopped_at is null
          and w.heartbeat_at > clock_timestamp() - make_interval(secs => ${options.silentMs / 1000}::float8)
        ) then 0 else 1 end crash_count
      from workflow_executions e join lost on lost.id = e.id
    ),
    verdict as (
      select id, crash_count, crash_count > crashed_before crashed, case
        when cancel_requested_at is not null then 'cancelled'
        when crash_count >= ${options.maxCrashes} then 'failed'
        else 'queued' end status
      from crashes
    ),
    reaped as (update workflow_executions e
    set status = v.status, crash_count = v.crash_count, wake = e.wake + 1, fence = e.fence + 1,
      lease_owner = null, lease_until = null, available_at = clock_timestamp(), rung_at = clock_timestamp(),
      finished_at = case when v.status <> 'queued' then clock_timestamp() end,
      error = case v.status
        when 'failed' then jsonb_build_object('code', 'worker_lost', 'message',
          format('%s workers died while running this execution', v.crash_count))
        when 'cancelled' then ${CANCELLED_ERROR} end
    from verdict v where e.id = v.id
    returning e.id, e.wake, e.workspace_id, ${FAILED_COLUMNS}, v.crashed),
    ${startErrorWorkflows(sql`reaped`)}
    select id, wake, priority, band, status, crashed, (select error_workflow_id from heirs
      where failed_id = reaped.id and version_to_run is null) "goneErrorWorkflowId"
    from reaped`);
}
