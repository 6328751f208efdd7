// Deletes a workspace: nobody sees it from the commit on; the scheduler purges what it held.
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";
import { hideWorkspace } from "../../persistence/erasure/erase-workspaces.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { principalsOf } from "../principals-of.ts";

/** Throws `not_found`, `forbidden`, `personal_workspace`, or `invalid_confirmation` when `name` is not its name. */
export async function deleteWorkspace(
  database: Database,
  actor: Actor,
  request: { workspaceId: string; name: string },
): Promise<void> {
  const { workspaceId, name } = request;
  authorize(actor, "workspace:delete", { workspaceId });
  await database.transaction(principalsOf(actor), async (tx) => {
    const { outcome, memberIds } = await hideWorkspace(tx, workspaceId, name);
    if (outcome === "not_found") throw notFound("workspace");
    if (outcome === "personal") {
      throw new AppError(
        "personal_workspace",
        "A personal workspace goes with its person only, it cannot be deleted",
      );
    }
    if (outcome === "mismatch") {
      throw new AppError("invalid_confirmation", "confirm must be the name of the workspace", {
        problems: [{ path: "confirm", message: "is not the name of the workspace" }],
      });
    }
    await announceIdentityChange(tx, memberIds);
    await appendAudit(tx, workspaceDeleted(actor.userId, workspaceId, { members: memberIds.length }));
  });
}

/** In the chain of the workspace, as its last entry of people, and in the instance's, where somebody still reads it. */
export function workspaceDeleted(actorId: string, workspaceId: string, details: unknown): AuditEntry[] {
  return [workspaceId, INSTANCE_CHAIN].map((chainId) => ({
    chainId,
    actorId,
    action: "workspace.deleted",
    targetType: "workspace",
    targetId: workspaceId,
    details,
  }));
}
