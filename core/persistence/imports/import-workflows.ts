// What the import of a file-based Studio writes as workflows and versions, under their old ids and times.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** One import at a time, so that looking and then writing cannot be overtaken. Ends with the transaction. */
export async function lockImport(tx: Executor, workspaceId: string): Promise<void> {
  await tx.run(sql`select pg_advisory_xact_lock(hashtext('atelier-import'), hashtext(${workspaceId}))`);
}

export type ImportedWorkflow = { id: string; version: number };

export function findImportedWorkflow(
  tx: Executor,
  workspaceId: string,
  legacyId: string,
): Promise<ImportedWorkflow | null> {
  return tx.one<ImportedWorkflow>(sql`
    select id, version from workflows where workspace_id = ${workspaceId} and legacy_id = ${legacyId}`);
}

export async function insertImportedWorkflow(
  tx: Executor,
  row: {
    id: string;
    workspaceId: string;
    ownerId: string;
    name: string;
    description: string;
    version: number;
    legacyId: string;
    createdAt: string;
    updatedAt: string;
  },
): Promise<void> {
  await tx.run(sql`
    insert into workflows (id, workspace_id, owner_id, name, description, version, legacy_id, created_at, updated_at)
    values (${row.id}, ${row.workspaceId}, ${row.ownerId}, ${row.name}, ${row.description}, ${row.version},
      ${row.legacyId}, ${row.createdAt}, ${row.updatedAt})`);
}

export type VersionHash = { version: number; contentHash: Buffer };

export function listVersionHashes(tx: Executor, workflowId: string): Promise<VersionHash[]> {
  return tx.many<VersionHash>(sql`
    select version, content_hash as "contentHash" from workflow_versions
    where workflow_id = ${workflowId} order by version`);
}

export async function insertImportedVersion(
  tx: Executor,
  row: {
    workflowId: string;
    workspaceId: string;
    version: number;
    contentHash: Buffer;
    graph: unknown;
    note: string;
    createdBy: string;
    createdAt: string;
  },
): Promise<void> {
  await tx.run(sql`
    insert into workflow_versions (workflow_id, version, workspace_id, content_hash, graph, note, created_by, created_at)
    values (${row.workflowId}, ${row.version}, ${row.workspaceId}, ${row.contentHash},
      ${JSON.stringify(row.graph)}, ${row.note}, ${row.createdBy}, ${row.createdAt})`);
}

/** Node types of a version by node id, for steps that do not say theirs. */
export async function listNodeTypes(
  tx: Executor,
  workflowId: string,
  version: number,
): Promise<Map<string, string>> {
  const rows = await tx.many<{ id: string; type: string }>(sql`
    select node ->> 'id' as id, node ->> 'type' as type
    from workflow_versions v cross join jsonb_array_elements(v.graph -> 'nodes') node
    where v.workflow_id = ${workflowId} and v.version = ${version}`);
  return new Map(rows.map((row) => [row.id, row.type]));
}

/** Credentials that came with an earlier or this import: old id → id. */
export async function listImportedCredentials(
  tx: Executor,
  workspaceId: string,
): Promise<Map<string, string>> {
  const rows = await tx.many<{ id: string; legacyId: string }>(sql`
    select id, legacy_id as "legacyId" from credentials
    where workspace_id = ${workspaceId} and legacy_id is not null`);
  return new Map(rows.map((row) => [row.legacyId, row.id]));
}
