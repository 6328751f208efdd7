// A person's word on an effect in doubt: sent again, passed over with an output, or failed.
import { EFFECT_IN_DOUBT } from "../../domain/effect-doubt.ts";
import type { ExecutionStatus } from "../../domain/execution.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { isDecided } from "./is-decided.ts";
import type { DueExecution } from "./rings.ts";
import { EXECUTION_CHANNEL } from "./write-journal.ts";

/** `output`: what the node is taken to have made, for `skip`. */
export type StepDecision = { nodeId: string; iteration: string } & (
  | { decision: "retry" | "fail" }
  | { decision: "skip"; output: unknown }
);

export type LockedExecution = { workspaceId: string; status: ExecutionStatus; isCancelled: boolean };

/** Whether it has taken longer than its version's settings allow, though nobody has ended it yet; under `lockExecution`. */
export async function isOverTime(tx: Executor, id: string): Promise<boolean> {
  const row = await tx.one<{ isOver: boolean }>(sql`
    select coalesce(e.started_at + make_interval(secs => (v.graph #>> '{settings,timeoutMs}')::float8 / 1000)
      <= clock_timestamp(), false) "isOver"
    from workflow_executions e
    join workflow_versions v on v.workflow_id = e.workflow_id and v.version = e.version
    where e.id = ${id} and jsonb_typeof(v.graph #> '{settings,timeoutMs}') = 'number'`);
  return row?.isOver ?? false;
}

/** Holds the row until the transaction ends: of two who decide, the second sees what the first has made of it. */
export function lockExecution(tx: Executor, id: string): Promise<LockedExecution | null> {
  return tx.one<LockedExecution>(sql`
    select workspace_id "workspaceId", status, cancel_requested_at is not null "isCancelled" from workflow_executions where id = ${id} for no key update`);
}

/**
 * Under `lockExecution`, of one that has not ended. Wakes it and returns the ring to send after the commit; null when that
 * node waits for no decision. While it runs its worker numbers the steps, so the decision is only noted, and `isQueued` is
 * false: it is queued again when its branches rest. Sent again means under the old key: no definitive answer had come.
 */
export function decideStep(
  tx: Executor,
  executionId: string,
  { nodeId, iteration, ...step }: StepDecision,
): Promise<(DueExecution & { isQueued: boolean }) | null> {
  const verdict = {
    retry: { status: "failed", output: null, error: { code: "retried", message: "Sent again on request" } },
    skip: { status: "succeeded", output: step.decision === "skip" ? step.output : null, error: null },
    fail: {
      status: "failed",
      output: null,
      error: {
        code: EFFECT_IN_DOUBT,
        message: "It is not known whether the effect happened; declared failed",
      },
    },
  }[step.decision];
  // Nobody has learned what became of it.
  const error = verdict.error && {
    ...verdict.error,
    nodeId,
    retryable: step.decision === "retry",
    inDoubt: true,
  };
  return tx.one<DueExecution & { isQueued: boolean }>(sql`
    with run as (select id, status = 'running' as runs from workflow_executions where id = ${executionId}),
    decided as (
      update execution_steps s
      set status = case when runs then s.status else ${verdict.status} end,
        output = case when runs then s.output else nullif(${JSON.stringify(verdict.output)}::jsonb, 'null') end,
        error = case when runs then s.error else ${error && JSON.stringify(error)}::jsonb end,
        finished_at = case when runs then s.finished_at else clock_timestamp() end,
        seq = case when runs then s.seq
          else (select max(seq) + 1 from execution_steps where execution_id = ${executionId}) end,
        state = case when runs
          then coalesce(s.state, '{}') || jsonb_build_object('decision', ${JSON.stringify({ ...verdict, error })}::jsonb)
          else s.state end
      from run
      where s.execution_id = run.id and s.execution_id = ${executionId} and s.node_id = ${nodeId}
        and s.iteration = ${iteration} and s.status = 'unknown' and not ${isDecided}
      returning s.execution_id
    ),
    woken as (
      update workflow_executions e
      set wake = e.wake + case e.status when 'queued' then 0 else 1 end,
        available_at = case e.status when 'waiting' then clock_timestamp() else e.available_at end,
        status = case e.status when 'waiting' then 'queued' else e.status end, rung_at = clock_timestamp()
      from decided d where e.id = d.execution_id and e.status in ('waiting', 'queued', 'running')
      returning e.id, e.wake, e.priority, e.band, e.watched, e.status
    )
    select id, wake, priority, band, status = 'queued' "isQueued",
      case when watched then pg_notify(${EXECUTION_CHANNEL}, id::text) end
    from woken`);
}
