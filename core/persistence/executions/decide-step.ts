// A person's word on an effect in doubt: sent again, passed over with an output, or failed.
import type { ExecutionStatus } from "../../domain/execution.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { DECLARED_FAILED } from "./copy-steps.ts";
import type { DueExecution } from "./rings.ts";
import { EXECUTION_CHANNEL } from "./write-journal.ts";

/** `output`: what the node is taken to have made, for `skip`. */
export type StepDecision = { nodeId: string; iteration: string } & (
  | { decision: "retry" | "fail" }
  | { decision: "skip"; output: unknown }
);

export type LockedExecution = { workspaceId: string; status: ExecutionStatus; isCancelled: boolean };

/** Holds the row until the transaction ends: of two who decide, the second sees what the first has made of it. */
export function lockExecution(tx: Executor, id: string): Promise<LockedExecution | null> {
  return tx.one<LockedExecution>(sql`
    select workspace_id "workspaceId", status, cancel_requested_at is not null "isCancelled" from workflow_executions where id = ${id} for no key update`);
}

/**
 * Under `lockExecution`, of one that waits or is queued: its worker numbers the steps itself. Wakes it and returns
 * the ring to send after the commit; null when that node waits for no decision. Sent again means under the old key:
 * no definitive answer had come.
 */
export function decideStep(
  tx: Executor,
  executionId: string,
  { nodeId, iteration, ...step }: StepDecision,
): Promise<DueExecution | null> {
  const verdict = {
    retry: { status: "failed", output: null, error: { code: "retried", message: "Sent again on request" } },
    skip: { status: "succeeded", output: step.decision === "skip" ? step.output : null, error: null },
    fail: {
      status: "failed",
      output: null,
      error: {
        code: DECLARED_FAILED,
        message: "It is not known whether the effect happened; declared failed",
      },
    },
  }[step.decision];
  const error = verdict.error && { ...verdict.error, nodeId, retryable: step.decision === "retry" };
  return tx.one<DueExecution>(sql`
    with decided as (
      update execution_steps s
      set status = ${verdict.status}, output = nullif(${JSON.stringify(verdict.output)}::jsonb, 'null'),
        error = ${error && JSON.stringify(error)}::jsonb, finished_at = clock_timestamp(),
        seq = (select max(seq) + 1 from execution_steps where execution_id = ${executionId})
      where s.execution_id = ${executionId} and s.node_id = ${nodeId} and s.iteration = ${iteration}
        and s.status = 'unknown'
      returning s.execution_id
    ),
    woken as (
      update workflow_executions e
      set wake = e.wake + case e.status when 'waiting' then 1 else 0 end,
        available_at = case e.status when 'waiting' then clock_timestamp() else e.available_at end,
        status = 'queued', rung_at = clock_timestamp()
      from decided d where e.id = d.execution_id and e.status in ('waiting', 'queued')
      returning e.id, e.wake, e.priority, e.band, e.watched
    )
    select id, wake, priority, band, case when watched then pg_notify(${EXECUTION_CHANNEL}, id::text) end from woken`);
}
