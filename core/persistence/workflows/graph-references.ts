// Which of the ids a graph cites exist in its workspace.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type CitedIds = { workspaceId: string; credentialIds: string[]; workflowIds: string[] };

export type CitedCredential = { id: string; name: string; type: string; allowedHosts: string[] };
export type Cited = { credentials: CitedCredential[]; workflowIds: string[] };

/**
 * What is there of the cited ids, which must be UUIDs. Cited credentials stay until the transaction ends, so that one
 * that is deleted at this moment is either not found here or seen to be cited there.
 */
export async function findCited(tx: Executor, { workspaceId, ...ids }: CitedIds): Promise<Cited> {
  const credentials =
    ids.credentialIds.length === 0
      ? []
      : await tx.many<CitedCredential>(sql`
          select id, name, type, allowed_hosts as "allowedHosts" from credentials
          where workspace_id = ${workspaceId} and id = any (${ids.credentialIds}::uuid[])
          order by id for key share`);
  const workflows =
    ids.workflowIds.length === 0
      ? []
      : await tx.many<{ id: string }>(sql`
          select id from workflows
          where workspace_id = ${workspaceId} and archived_at is null and id = any (${ids.workflowIds}::uuid[])`);
  return { credentials, workflowIds: workflows.map(({ id }) => id) };
}
