// Waking what waits: when its time has come, or when somebody has answered.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import type { DueExecution } from "./rings.ts";

/**
 * Queues waiting executions whose time has come, the longest overdue first; they are to be rung. Rows that somebody
 * writes at this moment are left to the next pass. It costs what is due, not what waits: `clock_timestamp()` may
 * change within the statement, so that no index is asked for it and 100,000 waiting rows were read one by one.
 */
export function wakeDue(database: Executor, limit: number): Promise<DueExecution[]> {
  return database.many<DueExecution>(sql`
    with due as (
      select id from workflow_executions
      where status = 'waiting' and available_at <= now()
      order by available_at limit ${limit} for no key update skip locked
    )
    update workflow_executions e
    set status = 'queued', wake = e.wake + 1, available_at = clock_timestamp(), rung_at = clock_timestamp()
    where e.id = any (array(select id from due))
    returning e.id, e.wake, e.priority, e.band`);
}

export type SuspendedStep = { executionId: string; nodeId: string; iteration: string; attempt: number };

/**
 * Answers a step that waits and wakes its execution, in the caller's transaction. `answer` (JSON, not null) is what the
 * node's runner finds in `resumed.answer`. Resolves to the ring to send after the commit; `isQueued` false: it runs
 * just now (other branches) and finds the answer by itself. null: the step does not wait any more, or has an answer.
 * The execution's row is locked first, as everybody does; before the audit entry, after rows of one's own.
 */
export async function answerStep(
  tx: Executor,
  step: SuspendedStep,
  answer: unknown,
): Promise<(DueExecution & { isQueued: boolean }) | null> {
  const { executionId, nodeId, iteration, attempt } = step;
  // A statement of its own: the next one sees what was committed while this one waited for the lock.
  await tx.run(sql`select from workflow_executions where id = ${executionId} for no key update`);
  return tx.one(sql`
    with answered as (
      update execution_steps
      set state = coalesce(state, '{}') || jsonb_build_object('answer', ${JSON.stringify(answer)}::jsonb)
      where execution_id = ${executionId} and node_id = ${nodeId} and iteration = ${iteration}
        and attempt = ${attempt} and status = 'waiting' and not coalesce(state, '{}') ? 'answer'
      returning execution_id
    )
    update workflow_executions e
    set status = case when e.status = 'waiting' then 'queued' else e.status end,
      wake = e.wake + case when e.status = 'queued' then 0 else 1 end,
      available_at = case when e.status = 'waiting' then clock_timestamp() else e.available_at end,
      rung_at = clock_timestamp()
    from answered a
    where e.id = a.execution_id and e.status in ('queued', 'running', 'waiting')
    returning e.id, e.wake, e.priority, e.band, e.status = 'queued' "isQueued"`);
}
