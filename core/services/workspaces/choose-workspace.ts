// Where a new object goes: the workspace its maker names, else the one of their API key, else their personal one.
import { type Actor, authorize, notFound, type WorkspaceAction } from "../../domain/roles.ts";
import type { Executor } from "../../persistence/database.ts";
import { findPersonalWorkspace } from "../../persistence/identity/personal-workspace.ts";

/** Throws `not_found` for a foreign workspace, `forbidden` where the role is too small. */
export async function chooseWorkspace(
  tx: Executor,
  actor: Actor,
  action: WorkspaceAction,
  requested: string | undefined,
): Promise<string> {
  const workspaceId =
    requested ?? actor.apiKey?.workspaceId ?? (await findPersonalWorkspace(tx, actor.userId));
  if (workspaceId === null) throw notFound("workspace");
  authorize(actor, action, { workspaceId });
  return workspaceId;
}
