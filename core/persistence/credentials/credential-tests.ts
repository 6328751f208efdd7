// Tests of credentials are executions like any other, of a workflow that nobody sees and nobody can start otherwise.
import type { Graph } from "../../domain/graph.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type TestWorkflow = {
  /** Used when the credential has none yet. */
  id: string;
  credentialId: string;
  workspaceId: string;
  ownerId: string;
  name: string;
  graph: Graph;
  contentHash: Buffer;
};

/**
 * The id of the credential's own workflow, made at its first test: archived from the start, so that no list shows it,
 * nobody can edit or run it, and no citation of it keeps the credential. The caller holds the credential's row.
 */
export async function ensureTestWorkflow(tx: Executor, row: TestWorkflow): Promise<string> {
  const known = await tx.one<{ id: string | null }>(sql`
    select test_workflow_id as id from credentials where id = ${row.credentialId}`);
  if (known?.id) return known.id;
  await tx.run(sql`
    insert into workflows (id, workspace_id, owner_id, name, archived_at)
    values (${row.id}, ${row.workspaceId}, ${row.ownerId}, ${row.name}, now())`);
  await tx.run(sql`
    insert into workflow_versions (workflow_id, version, workspace_id, content_hash, graph, note, created_by)
    values (${row.id}, 1, ${row.workspaceId}, ${row.contentHash}, ${JSON.stringify(row.graph)},
      'Tests a credential', ${row.ownerId})`);
  await tx.run(sql`update credentials set test_workflow_id = ${row.id} where id = ${row.credentialId}`);
  return row.id;
}

export type TestExecution = {
  id: string;
  workflowId: string;
  workspaceId: string;
  userId: string;
  input: unknown;
};

/** Queued, due, and notified when it ends. */
export async function insertTestExecution(tx: Executor, row: TestExecution): Promise<void> {
  await tx.run(sql`
    insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, trigger_type, input, watched,
      root_id, rung_at)
    values (${row.id}, ${row.workspaceId}, ${row.workflowId}, 1, ${row.userId}, 'credential.test',
      ${JSON.stringify(row.input)}, true, ${row.id}, now())`);
}
