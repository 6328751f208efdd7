// The members of a workspace: list, change a role, remove, leave, hand the workspace over.

import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import { type Actor, authorize, notFound, type WorkspaceRole } from "../../domain/roles.ts";
import { type AuditEntry, appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import {
  deleteMember,
  findMember,
  listMembers,
  type Member,
  type MemberKey,
  updateRole,
} from "../../persistence/identity/members.ts";
import { lockWorkspace } from "../../persistence/identity/workspaces.ts";
import { principalsOf } from "../principals-of.ts";
import { lockOwned, memberEntry, workspaceEntry } from "./own-workspace.ts";
import type { WorkspaceDependencies } from "./workspaces.ts";

export type { Member, MemberKey };

/** What takes the last owner away throws `last_owner`, their person from a personal workspace `personal_workspace`. */
export type MemberService = {
  list(actor: Actor, page: IdPage & { workspaceId: string }): Promise<Member[]>;
  /** Throws `not_found` and `forbidden`. */
  changeRole(actor: Actor, member: MemberKey, role: WorkspaceRole): Promise<Member>;
  /** Owners remove anybody; everybody may remove themselves. Throws `not_found` and `forbidden`. */
  remove(actor: Actor, member: MemberKey): Promise<void>;
  /** The member becomes owner, the giver editor. Throws `not_found` and `forbidden`. */
  transfer(actor: Actor, to: MemberKey): Promise<void>;
};

export function createMemberService(dependencies: WorkspaceDependencies): MemberService {
  const { database } = dependencies;
  return {
    list: (actor, page) => {
      authorize(actor, "member:read", page);
      return database.transaction(principalsOf(actor), (tx) => listMembers(tx, page));
    },
    changeRole: (actor, member, role) => changeRole(dependencies, actor, member, role),
    remove: (actor, member) => remove(dependencies, actor, member),
    transfer: (actor, to) => transfer(dependencies, actor, to),
  };
}

async function changeRole(
  { database }: WorkspaceDependencies,
  actor: Actor,
  key: MemberKey,
  role: WorkspaceRole,
): Promise<Member> {
  return database.transaction(principalsOf(actor), async (tx) => {
    await lockOwned(tx, actor, "member:write", key.workspaceId);
    const current = await find(tx, key);
    if (current.role === role) return current;
    const entry = await setRole(tx, actor, { ...key, from: current.role, to: role });
    await announceIdentityChange(tx, [key.userId]);
    await appendAudit(tx, [entry]);
    return { ...current, role };
  });
}

async function remove({ database }: WorkspaceDependencies, actor: Actor, key: MemberKey): Promise<void> {
  const { workspaceId, userId } = key;
  const isLeaving = userId === actor.userId;
  await database.transaction(principalsOf(actor), async (tx) => {
    if (!isLeaving) await lockOwned(tx, actor, "member:write", workspaceId);
    // Leaving needs no right, not even the second factor that the workspace asks for.
    else await lockWorkspace(tx, workspaceId);
    const member = await find(tx, key);
    if (!(await deleteMember(tx, key))) throw notFound("member");
    await announceIdentityChange(tx, [userId]);
    const details = { role: member.role, left: isLeaving };
    await appendAudit(tx, [memberEntry(actor.userId, key, "member.removed", details)]);
  });
}

async function transfer({ database }: WorkspaceDependencies, actor: Actor, to: MemberKey): Promise<void> {
  const { workspaceId, userId } = to;
  authorize(actor, "workspace:write", to);
  if (userId === actor.userId) {
    const message = "You own it already: name another member";
    throw new AppError("invalid_request", message, { problems: [{ path: "userId", message }] });
  }
  await database.transaction(principalsOf(actor), async (tx) => {
    await lockOwned(tx, actor, "workspace:write", workspaceId);
    const heir = await find(tx, to);
    const entries: AuditEntry[] = [
      workspaceEntry(actor, workspaceId, "workspace.transferred", { from: actor.userId, to: userId }),
    ];
    if (heir.role !== "owner") {
      entries.push(await setRole(tx, actor, { ...to, from: heir.role, to: "owner" }));
    }
    const giver = { workspaceId, userId: actor.userId };
    entries.push(await setRole(tx, actor, { ...giver, from: "owner", to: "editor" }));
    await announceIdentityChange(tx, [userId, actor.userId]);
    await appendAudit(tx, entries);
  });
}

async function setRole(
  tx: Executor,
  actor: Actor,
  { from, to, ...key }: MemberKey & { from: WorkspaceRole; to: WorkspaceRole },
): Promise<AuditEntry> {
  if (!(await updateRole(tx, key, to))) throw notFound("member");
  return memberEntry(actor.userId, key, "member.role_changed", { from, to });
}

async function find(tx: Executor, key: MemberKey): Promise<Member> {
  const member = await findMember(tx, key);
  if (!member) throw notFound("member");
  return member;
}
