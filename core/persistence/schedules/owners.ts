// In whose name schedules run, and whether that person may still run anything there.
import { rolesFor } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Memberships that have ended are out of sight, see migration 0023. */
export async function findOwner(
  tx: Executor,
  { ownerId, workspaceId }: { ownerId: string; workspaceId: string },
): Promise<{ mayRun: boolean }> {
  const row = await tx.one(sql`
    select 1 as found from workspace_members m join users u on u.id = m.user_id
    where m.workspace_id = ${workspaceId} and m.user_id = ${ownerId} and u.disabled_at is null
      and m.role = any (${rolesFor("execution:run")}::text[])`);
  return { mayRun: row !== null };
}
