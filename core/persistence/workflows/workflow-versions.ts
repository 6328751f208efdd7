// Versions of a workflow: written once, never changed.
import type { Graph } from "../../domain/graph.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type VersionSummary = {
  version: number;
  /** SHA-256 of the graph in canonical form, hex. */
  contentHash: string;
  note: string;
  createdBy: string;
  createdAt: string;
};
export type Version = VersionSummary & { graph: Graph };

const COLUMNS = sql`version, encode(content_hash, 'hex') as "contentHash", note,
  created_by as "createdBy", created_at as "createdAt"`;

export async function insertVersion(
  tx: Executor,
  row: {
    workflowId: string;
    workspaceId: string;
    version: number;
    contentHash: Buffer;
    graph: Graph;
    note: string;
    createdBy: string;
  },
): Promise<void> {
  await tx.run(sql`
    insert into workflow_versions (workflow_id, version, workspace_id, content_hash, graph, note, created_by)
    values (${row.workflowId}, ${row.version}, ${row.workspaceId}, ${row.contentHash},
      ${JSON.stringify(row.graph)}, ${row.note}, ${row.createdBy})`);
}

export function findVersion(tx: Executor, workflowId: string, version: number): Promise<Version | null> {
  return tx.one<Version>(sql`
    select ${COLUMNS}, graph from workflow_versions
    where workflow_id = ${workflowId} and version = ${version}`);
}

/** Compares without reading the graph. */
export function findVersionHash(tx: Executor, workflowId: string, version: number) {
  return tx.one<{ contentHash: Buffer }>(sql`
    select content_hash as "contentHash" from workflow_versions
    where workflow_id = ${workflowId} and version = ${version}`);
}

/** Newest first, without graphs; `before` is the last version number of the page before. */
export function listVersions(
  tx: Executor,
  page: { workflowId: string; before?: number | undefined; limit: number },
): Promise<VersionSummary[]> {
  const older = page.before === undefined ? sql`` : sql`and version < ${page.before}`;
  return tx.many<VersionSummary>(sql`
    select ${COLUMNS} from workflow_versions
    where workflow_id = ${page.workflowId} ${older}
    order by version desc limit ${page.limit}`);
}
