// A retry: a new execution of the same version and input that starts from the finished steps of the old one.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { type CopiedNodes, copySteps } from "./copy-steps.ts";

export type RetriedExecution = {
  id: string;
  workspaceId: string;
  priority: number;
  band: number;
  wake: number;
};

/**
 * Whether nobody has retried it yet. Holds its row until the transaction ends: of two who retry it at once, the second
 * waits for the first.
 */
export async function isFirstRetry(tx: Executor, of: string): Promise<boolean> {
  await tx.run(sql`select from workflow_executions where id = ${of} for no key update`);
  return (await tx.one(sql`select from workflow_executions where retry_of = ${of} limit 1`)) === null;
}

/**
 * `finished`: whose results are taken over, null: all; `handled`: the nodes whose failure does not end the run. Returns
 * null when the old one is not failed or cancelled, has lost its payload, or is not there. Holds it, so that it loses
 * nothing between the row and its steps: a copy without its journal would send all effects again.
 */
export async function insertRetry(
  tx: Executor,
  retry: { id: string; of: string; userId: string; nodes: Pick<CopiedNodes, "finished" | "handled"> },
): Promise<RetriedExecution | null> {
  const made = await tx.one<RetriedExecution>(sql`
    insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, trigger_type, trigger_node,
      trigger, input, input_key_id, labels, priority, band, concurrency, root_id, retry_of, rung_at)
    select ${retry.id}, workspace_id, workflow_id, version, ${retry.userId}, trigger_type, trigger_node,
      trigger, input, input_key_id, labels, priority, band, concurrency, ${retry.id}, id, now()
    from workflow_executions
    where id = ${retry.of} and status in ('failed', 'cancelled') and payload_expired_at is null
    for share
    returning id, workspace_id "workspaceId", priority, band, wake`);
  const nodes = { ...retry.nodes, inDoubt: null };
  if (made) await copySteps(tx, { id: retry.id, of: retry.of, nodes });
  return made;
}
