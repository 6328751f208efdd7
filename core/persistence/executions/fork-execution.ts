// A fork: a new execution that takes over some steps of an ended one, with its own input and version perhaps.
import type { ExecutionStatus } from "../../domain/execution.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { type CopiedNodes, copySteps } from "./copy-steps.ts";
import type { RetriedExecution } from "./retry-execution.ts";

export type ForkSource = {
  workspaceId: string;
  workflowId: string;
  version: number;
  status: ExecutionStatus;
  triggerNode: string | null;
  payloadExpiredAt: string | null;
};

export function findForkSource(tx: Executor, id: string): Promise<ForkSource | null> {
  return tx.one<ForkSource>(sql`
    select workspace_id "workspaceId", workflow_id "workflowId", version, status, trigger_node "triggerNode",
      payload_expired_at "payloadExpiredAt"
    from workflow_executions where id = ${id}`);
}

export type NewFork = {
  id: string;
  of: string;
  userId: string;
  version: number;
  /** null: that of the old one. */
  input: { value: unknown } | null;
  nodes: CopiedNodes;
};

/** Keeps the labels of the old one and adds its version's. Returns null when the old one has not ended or lost its payload; holds it. */
export async function insertFork(tx: Executor, fork: NewFork): Promise<RetriedExecution | null> {
  const input = fork.input && JSON.stringify(fork.input.value);
  const made = await tx.one<RetriedExecution>(sql`
    insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, trigger_type, trigger_node,
      trigger, input, input_key_id, labels, priority, band, concurrency, root_id, fork_of, rung_at)
    select ${fork.id}, e.workspace_id, e.workflow_id, v.version, ${fork.userId}, e.trigger_type, e.trigger_node,
      e.trigger, coalesce(${input}::jsonb, e.input), case when ${input}::jsonb is null then e.input_key_id end,
      array(select distinct label from unnest(e.labels || v.labels) label order by label), e.priority, e.band, v.concurrency,
      ${fork.id}, e.id, now()
    from workflow_executions e
    join workflow_versions v on v.workflow_id = e.workflow_id and v.version = ${fork.version}
    where e.id = ${fork.of} and e.status in ('succeeded', 'failed', 'cancelled') and e.payload_expired_at is null
    for share of e
    returning id, workspace_id "workspaceId", priority, band, wake`);
  if (made) await copySteps(tx, { id: fork.id, of: fork.of, nodes: fork.nodes });
  return made;
}
