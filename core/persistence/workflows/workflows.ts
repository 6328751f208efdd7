// Workflows: the mutable head (name, description, current version) of a line of immutable versions.
import type { Graph } from "../../domain/graph.ts";
import type { Executor } from "../database.ts";
import { newestFirst } from "../newest-first.ts";
import { type Sql, sql } from "../sql.ts";

export type WorkflowSummary = {
  id: string;
  workspaceId: string;
  name: string;
  description: string;
  version: number;
  createdAt: string;
  updatedAt: string;
};
export type Workflow = WorkflowSummary & { graph: Graph };

const COLUMNS = sql`w.id, w.workspace_id as "workspaceId", w.name, w.description, w.version,
  w.created_at as "createdAt", w.updated_at as "updatedAt"`;

/** The current graph comes with it; null when archived, missing or out of sight. */
export function findWorkflow(tx: Executor, id: string): Promise<Workflow | null> {
  return tx.one<Workflow>(sql`
    select ${COLUMNS}, v.graph
    from workflows w join workflow_versions v on v.workflow_id = w.id and v.version = w.version
    where w.id = ${id} and w.archived_at is null`);
}

/** Holds the row until the transaction ends: changes of one workflow come one after the other. */
export function lockWorkflow(tx: Executor, id: string): Promise<WorkflowSummary | null> {
  return tx.one<WorkflowSummary>(sql`
    select ${COLUMNS} from workflows w where w.id = ${id} and w.archived_at is null for no key update`);
}

/** Archived ones too: their versions stay readable. */
export function findWorkflowWorkspace(tx: Executor, id: string): Promise<{ workspaceId: string } | null> {
  return tx.one(sql`select workspace_id as "workspaceId" from workflows where id = ${id}`);
}

export function insertWorkflow(
  tx: Executor,
  row: { id: string; workspaceId: string; ownerId: string; name: string; description: string },
): Promise<WorkflowSummary | null> {
  return tx.one<WorkflowSummary>(sql`
    insert into workflows as w (id, workspace_id, owner_id, name, description)
    values (${row.id}, ${row.workspaceId}, ${row.ownerId}, ${row.name}, ${row.description})
    returning ${COLUMNS}`);
}

export function updateWorkflow(
  tx: Executor,
  row: { id: string; name: string; description: string; version: number },
): Promise<WorkflowSummary | null> {
  return tx.one<WorkflowSummary>(sql`
    update workflows w
    set name = ${row.name}, description = ${row.description}, version = ${row.version}, updated_at = now()
    where w.id = ${row.id} and w.archived_at is null
    returning ${COLUMNS}`);
}

/** False when it was archived already. */
export async function archiveWorkflow(tx: Executor, id: string): Promise<boolean> {
  const archived = await tx.run(sql`
    update workflows set archived_at = now(), updated_at = now() where id = ${id} and archived_at is null`);
  return archived === 1;
}

export type ListWorkflows = {
  workspaceIds: readonly string[];
  /** Part of the name, any case. */
  q?: string | undefined;
  /** The last id of the page before. */
  before?: string | undefined;
  limit: number;
};

/** Newest first; reads no graph, so a page costs the same however big the graphs are. */
export function listWorkflows(tx: Executor, { workspaceIds, q, before, limit }: ListWorkflows) {
  const named = q === undefined ? sql`` : sql`and w.name ilike ${`%${q.replace(/[\\%_]/g, "\\$&")}%`}`;
  const older = before === undefined ? sql`` : sql`and w.id < ${before}`;
  const rowsOf = (workspaceId: Sql) => sql`
    select ${COLUMNS} from workflows w
    where w.workspace_id = ${workspaceId} and w.archived_at is null ${named} ${older}`;
  return tx.many<WorkflowSummary>(newestFirst(workspaceIds, limit, rowsOf));
}
