// How every change of a workspace by its owner begins (the row held, the right read anew) and ends (an audit entry).
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, notFound, type WorkspaceAction } from "../../domain/roles.ts";
import type { AuditEntry } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { findMember } from "../../persistence/identity/members.ts";
import { lockWorkspace } from "../../persistence/identity/workspaces.ts";

/**
 * Holds the workspace against everybody else who changes it or its members, until the transaction ends. What the
 * actor was some seconds ago is not enough under that lock. Throws `not_found` or `forbidden`.
 */
export async function lockOwned(
  tx: Executor,
  actor: Actor,
  action: WorkspaceAction,
  workspaceId: string,
): Promise<void> {
  authorize(actor, action, { workspaceId });
  if (await lockWorkspace(tx, workspaceId)) return;
  const { userId } = actor;
  if (!(await findMember(tx, { workspaceId, userId }))) throw notFound("workspace");
  throw new AppError("forbidden", "Only an owner of this workspace may do this");
}

/** An entry in the workspace's chain. */
export function workspaceEntry(
  actor: Actor,
  workspaceId: string,
  action: `workspace.${string}`,
  details: unknown,
): AuditEntry {
  const target = { targetType: "workspace", targetId: workspaceId };
  return { ...target, chainId: workspaceId, actorId: actor.userId, action, details };
}

/** The same about a member: names and addresses may stand in `details` only, where they can be erased. */
export function memberEntry(
  actorId: string | null,
  member: { workspaceId: string; userId: string },
  action: `member.${string}`,
  details: unknown,
): AuditEntry {
  const target = { targetType: "user", targetId: member.userId };
  return { ...target, chainId: member.workspaceId, actorId, action, details };
}
