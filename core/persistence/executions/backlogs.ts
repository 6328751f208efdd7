// How many executions of a workspace are queued, without counting more of them than matter.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Where workflows belong, by id; they stay there for ever. Those out of sight are left out. */
export async function findWorkspacesOf(
  tx: Executor,
  workflowIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await tx.many<{ id: string; workspaceId: string }>(sql`
    select id, workspace_id "workspaceId" from workflows where id = any(${workflowIds}::uuid[])`);
  return new Map(rows.map(({ id, workspaceId }) => [id, workspaceId]));
}

/** What their owners have said, by workspace; null: nothing. Those out of sight are left out. */
export async function findDepths(
  tx: Executor,
  workspaceIds: readonly string[],
): Promise<Map<string, number | null>> {
  const rows = await tx.many<{ id: string; maxQueued: number | null }>(sql`
    select id, max_queued "maxQueued" from workspaces where id = any(${workspaceIds}::uuid[])`);
  return new Map(rows.map(({ id, maxQueued }) => [id, maxQueued]));
}

/** By workspace; what is beyond its `atMost` is not counted. */
export async function countQueued(
  tx: Executor,
  workspaceIds: readonly string[],
  atMost: readonly number[],
): Promise<Map<string, number>> {
  const rows = await tx.many<{ id: string; count: number }>(sql`
    select w.id, (select count(*) from (
      select from workflow_executions e where e.workspace_id = w.id and e.status = 'queued' limit w.at_most) q) count
    from unnest(${workspaceIds}::uuid[], ${atMost}::int[]) w (id, at_most)`);
  return new Map(rows.map(({ id, count }) => [id, count]));
}

/** Until the transaction ends nobody else who locks them adds to these queues: what is counted now is exact. */
export async function lockBacklogs(tx: Executor, workspaceIds: readonly string[]): Promise<void> {
  await tx.run(sql`
    select pg_advisory_xact_lock(hashtext('atelier-backlogs'), backlog)
    from (select distinct hashtext(id::text) backlog from unnest(${workspaceIds}::uuid[]) id order by backlog) w`);
}
