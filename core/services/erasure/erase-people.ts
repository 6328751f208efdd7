// Erases people: an owner from a workspace, an administrator from the instance.
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import {
  type BegunErasure,
  beginErasure,
  type ErasedMember,
  eraseMember,
  finishErasure,
} from "../../persistence/erasure/erase-people.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { principalsIn, principalsOf } from "../principals-of.ts";
import { workspaceDeleted } from "./delete-workspace.ts";
import { eraseDetailsOf } from "./erase-details.ts";

export type MemberErasure = { workspaceId: string; userId: string; email: string };
export type PersonErasure = { userId: string; email: string; successorId?: string | undefined };

export type ErasureReport = { movedItems: number; erasedEntries: number };
export type PersonErasureReport = {
  deletedWorkspaces: number;
  leftWorkspaces: number;
  erasedEntries: number;
};

/**
 * Takes a person out of a workspace; what they owned there is the caller's. Broken off, it can be asked for again.
 * Throws `not_found` for who never had to do with the workspace, `invalid_confirmation` for a wrong e-mail address,
 * `personal_workspace` for the person whose own it is.
 */
export async function eraseFromWorkspace(
  database: Database,
  actor: Actor,
  erasure: MemberErasure,
): Promise<ErasureReport> {
  const { workspaceId, userId } = erasure;
  authorize(actor, "workspace:erase", { workspaceId });
  const principals = principalsOf(actor);
  const movedItems = await database.transaction(principals, async (tx) => {
    const { outcome, moved } = await eraseMember(tx, erasure);
    refuse(outcome);
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, [entry(actor, workspaceId, userId, "member.erased", { movedItems: moved })]);
    return moved;
  });
  return { movedItems, erasedEntries: await eraseDetailsOf(database, principals, { userId, workspaceId }) };
}

/**
 * Erases a person from the instance, in an order that can be broken off anywhere and asked for again: first nothing
 * works for them any more, then the log forgets them, last the row itself. Throws `last_owner` naming the workspaces
 * that would have members and no owner; `successorId` says who gets those.
 */
export async function eraseFromInstance(
  database: Database,
  actor: Actor,
  { userId, email, successorId = undefined }: PersonErasure,
): Promise<PersonErasureReport> {
  const principals = principalsIn(actor, []);
  const begun = await database.transaction(principals, async (tx) => {
    const begun = await beginErasure(tx, { userId, email, successorId: successorId ?? null });
    if (begun.outcome === "last_owner") {
      throw new AppError("last_owner", "Nobody else owns these workspaces: name who will, as successorId", {
        details: { workspaceIds: begun.shared },
      });
    }
    refuse(begun.outcome);
    await recordBegin(tx, actor, userId, begun);
    return begun;
  });
  const erasedEntries = await eraseDetailsOf(database, principals, { userId, workspaceId: null });
  await database.transaction(principals, async (tx) => {
    if (!(await finishErasure(tx, userId))) throw notFound("user");
    await appendAudit(tx, [entry(actor, INSTANCE_CHAIN, userId, "user.erased", { erasedEntries })]);
  });
  return { deletedWorkspaces: begun.hidden.length, leftWorkspaces: begun.shared.length, erasedEntries };
}

async function recordBegin(tx: Executor, actor: Actor, userId: string, begun: BegunErasure): Promise<void> {
  await announceIdentityChange(tx, begun.memberIds);
  const details = { deletedWorkspaces: begun.hidden, leftWorkspaces: begun.shared };
  await appendAudit(tx, [
    ...begun.hidden.flatMap((id) => workspaceDeleted(actor.userId, id, { erasedUserId: userId })),
    ...begun.shared.map((id) => entry(actor, id, userId, "member.erased")),
    entry(actor, INSTANCE_CHAIN, userId, "user.erasure_begun", details),
  ]);
}

function refuse(outcome: BegunErasure["outcome"] | ErasedMember["outcome"]): void {
  if (outcome === "not_found") throw notFound("person");
  if (outcome === "forbidden")
    throw new AppError("forbidden", "Only an administrator of this instance may do this");
  if (outcome === "self")
    throw new AppError("conflict", "Somebody else has to erase you: what would be left to do it?");
  if (outcome === "personal") {
    throw new AppError("personal_workspace", "This is the person's own workspace: they stay its owner");
  }
  if (outcome === "mismatch") {
    throw new AppError("invalid_confirmation", "confirm must be the e-mail address of the person", {
      problems: [{ path: "confirm", message: "is not the e-mail address of the person" }],
    });
  }
}

function entry(
  actor: Actor,
  chainId: string,
  targetId: string,
  action: string,
  details?: unknown,
): AuditEntry {
  const base = { chainId, actorId: actor.userId, action, targetType: "user", targetId };
  return details === undefined ? base : { ...base, details };
}
