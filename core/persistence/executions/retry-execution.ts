// A retry: a new execution of the same version and input that starts from the finished steps of the old one.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type RetriedExecution = { id: string; workspaceId: string; priority: number; wake: number };

/** Returns null when the old one is not failed or cancelled (or not there). */
export async function insertRetry(
  tx: Executor,
  retry: { id: string; of: string; userId: string },
): Promise<RetriedExecution | null> {
  const made = await tx.one<RetriedExecution>(sql`
    insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, trigger_type, trigger_node,
      trigger, input, input_key_id, labels, priority, root_id, retry_of, rung_at)
    select ${retry.id}, workspace_id, workflow_id, version, ${retry.userId}, trigger_type, trigger_node,
      trigger, input, input_key_id, labels, priority, ${retry.id}, id, now()
    from workflow_executions
    where id = ${retry.of} and status in ('failed', 'cancelled')
    returning id, workspace_id "workspaceId", priority, wake`);
  if (made) await copySteps(tx, retry);
  return made;
}

/**
 * What succeeded is copied. So is the newest attempt of an effect without a definitive answer (it ran, timed
 * out or lost its connection): as running, under its old key, so that the engine sends it again and the other
 * side can recognise it. The person who retries has decided, hence `idempotent`.
 */
async function copySteps(tx: Executor, retry: { id: string; of: string }): Promise<void> {
  await tx.run(sql`
    insert into execution_steps (execution_id, node_id, iteration, attempt, workspace_id, node_type, status, seq,
      fence, effect, idempotency_key, port, input, input_key_id, output, output_key_id, error, labels, copied_from,
      started_at, finished_at)
    select ${retry.id}, s.node_id, s.iteration, 1, s.workspace_id, s.node_type,
      case when s.status = 'succeeded' then 'succeeded' else 'running' end,
      row_number() over (order by s.seq), 0,
      case when s.status = 'succeeded' then s.effect else 'idempotent' end,
      s.idempotency_key, s.port, s.input, s.input_key_id, s.output, s.output_key_id,
      case when s.status <> 'succeeded' then jsonb_build_object('code', 'retried', 'retryable', true, 'nodeId', s.node_id,
        'message', 'Tried again on request, after: ' || coalesce(s.error ->> 'message', s.status)) end, s.labels,
      coalesce(s.copied_from, s.execution_id), s.started_at, s.finished_at
    from (
      select distinct on (node_id, iteration) * from execution_steps
      where execution_id = ${retry.of} order by node_id, iteration, attempt desc
    ) s
    where s.status = 'succeeded'
      or (s.idempotency_key is not null and (s.status <> 'failed' or (s.error ->> 'retryable')::boolean))`);
}
