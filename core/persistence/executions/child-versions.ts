// Which version of a workflow an execution may run as its child, and whether its person still may.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type ChildVersion = { version: number; role: string | null };

/** null: the workspace has no such workflow or version. `role` null: the person is no member any more. */
export function findChildVersion(
  tx: Executor,
  wanted: { workspaceId: string; workflowId: string; version: number | null; userId: string },
): Promise<ChildVersion | null> {
  return tx.one<ChildVersion>(sql`
    select v.version, (select m.role from workspace_members m
      where m.workspace_id = w.workspace_id and m.user_id = ${wanted.userId}) "role"
    from workflows w
    join workflow_versions v on v.workflow_id = w.id and v.version = coalesce(${wanted.version}::int, w.version)
    where w.id = ${wanted.workflowId} and w.workspace_id = ${wanted.workspaceId} and w.archived_at is null`);
}
