// Which of the ids a graph cites exist in its workspace.
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

export type CitedIds = { workspaceId: string; credentialIds: string[]; workflowIds: string[] };

/** `credential:<id>` and `workflow:<id>` of what is there; the ids must be UUIDs. */
export async function findCited(tx: Executor, cited: CitedIds): Promise<Set<string>> {
  const rows = await tx.many<{ id: string }>(sql`
    select 'credential:' || id as id from credentials
    where workspace_id = ${cited.workspaceId} and id = any (${cited.credentialIds}::uuid[])
    union all
    select 'workflow:' || id from workflows
    where workspace_id = ${cited.workspaceId} and archived_at is null
      and id = any (${cited.workflowIds}::uuid[])`);
  return new Set(rows.map((row) => row.id));
}
