// Erases people: an owner from a workspace, an administrator from the instance. The first transaction leaves a pending
// erasure behind, which ends whatever is killed: the scheduler takes it up.
import { v7 as uuidv7 } from "uuid";
import { AppError } from "../../domain/app-error.ts";
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database, Executor } from "../../persistence/database.ts";
import {
  type BegunErasure,
  beginErasure,
  type ErasedMember,
  eraseMember,
} from "../../persistence/erasure/erase-people.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import { principalsIn, principalsOf } from "../principals-of.ts";
import { workspaceDeleted } from "./delete-workspace.ts";
import { takeErasureTurn } from "./finish-erasure.ts";

/** How long a request works on it itself, and how long a scheduler gives it before it takes over. */
const TURN = { turnMs: 20_000, holdMs: 10_000 };

export type MemberErasure = { workspaceId: string; userId: string; email: string };
export type PersonErasure = { userId: string; email: string; successorId?: string | undefined };

/** `isDone`: else it has begun, and the scheduler finishes it. Sums of the whole erasure so far, whoever did it. */
export type ErasureReport = { isDone: boolean; movedItems: number; erasedEntries: number };
export type PersonErasureReport = {
  isDone: boolean;
  deletedWorkspaces: number;
  leftWorkspaces: number;
  erasedEntries: number;
};

/**
 * Takes a person out of a workspace; what they owned there is the caller's. Asked twice at once it is done once.
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
  const id = await database.transaction(principals, async (tx) => {
    const { outcome, moved, erasureId, joined } = await eraseMember(tx, { id: uuidv7(), ...erasure });
    refuse(outcome);
    if (!joined) {
      await announceIdentityChange(tx, [userId]);
      await appendAudit(tx, [entry(actor, workspaceId, userId, "member.erased", { movedItems: moved })]);
    }
    return erasureId as string;
  });
  const { isDone, movedItems, erasedEntries } = await takeErasureTurn(database, principals, id, TURN);
  return { isDone, movedItems, erasedEntries };
}

/**
 * Erases a person from the instance: first nothing works for them any more, then the log forgets them, last the row
 * itself. Throws `last_owner` naming the workspaces that would have members and no owner who can sign in;
 * `successorId` says who gets those; `successor_unavailable` when that one cannot.
 */
export async function eraseFromInstance(
  database: Database,
  actor: Actor,
  { userId, email, successorId = undefined }: PersonErasure,
): Promise<PersonErasureReport> {
  const principals = principalsIn(actor, []);
  const id = await database.transaction(principals, async (tx) => {
    const person = { id: uuidv7(), userId, email, successorId: successorId ?? null };
    const begun = await beginErasure(tx, person);
    if (begun.outcome === "last_owner") {
      throw new AppError("last_owner", "Nobody else owns these workspaces: name who will, as successorId", {
        details: { workspaceIds: begun.shared },
      });
    }
    refuse(begun.outcome);
    if (!begun.joined) await recordBegin(tx, actor, userId, begun);
    return begun.erasureId as string;
  });
  const turn = await takeErasureTurn(database, principals, id, TURN);
  const { isDone, deletedWorkspaces, leftWorkspaces, erasedEntries } = turn;
  return { isDone, deletedWorkspaces, leftWorkspaces, erasedEntries };
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
  if (outcome === "successor") {
    throw new AppError(
      "successor_unavailable",
      "The successor is disabled or being erased: name somebody who can sign in",
    );
  }
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
