// Workspaces as their members see them.
import type { WorkspaceRole } from "../domain/roles.ts";
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

export type MemberWorkspace = { id: string; name: string; role: WorkspaceRole };

/** The workspaces of a person with their role in each, oldest first. */
export function listWorkspacesOf(tx: Executor, userId: string): Promise<MemberWorkspace[]> {
  return tx.many<MemberWorkspace>(sql`
    select w.id, w.name, m.role
    from workspace_members m join workspaces w on w.id = m.workspace_id
    where m.user_id = ${userId}
    order by w.id`);
}
