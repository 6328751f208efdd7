// Who may read an audit chain at this moment, whatever they were when they began.
import type { WorkspaceRole } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { INSTANCE_CHAIN } from "./audit-logs.ts";

/** A member in one of the roles, or an administrator for the instance's chain; never somebody disabled. */
export async function mayReadChain(
  tx: Executor,
  reader: { chainId: string; userId: string; roles: readonly WorkspaceRole[] },
): Promise<boolean> {
  const { chainId, userId, roles } = reader;
  const row = await tx.one(
    chainId === INSTANCE_CHAIN
      ? sql`select 1 from users u where u.id = ${userId} and u.is_admin and u.disabled_at is null`
      : sql`
        select 1 from workspace_members m
        join workspaces w on w.id = m.workspace_id join users u on u.id = m.user_id
        where m.workspace_id = ${chainId} and m.user_id = ${userId} and m.role = any (${[...roles]}::text[])
          and w.deleted_at is null and u.disabled_at is null`,
  );
  return row !== null;
}
