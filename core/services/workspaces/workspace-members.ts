// The members of a workspace: list, change role or end, remove, leave, hand the workspace over.

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
  updateMember,
} from "../../persistence/identity/members.ts";
import { lockWorkspace } from "../../persistence/identity/workspaces.ts";
import { principalsOf } from "../principals-of.ts";
import { emergencyEntries } from "./emergency-audit.ts";
import { ownerHasNoEnd, requireGoodEnd } from "./membership-end.ts";
import { lockOwned, memberEntry, workspaceEntry } from "./own-workspace.ts";
import type { WorkspaceDependencies } from "./workspaces.ts";

export type { Member, MemberKey };

/** Undefined leaves as it is. `expiresAt` ISO 8601; null: no end. */
export type MemberChange = { role?: WorkspaceRole | undefined; expiresAt?: string | null | undefined };

/** What takes the last owner away throws `last_owner`, their person from a personal workspace `personal_workspace`. */
export type MemberService = {
  list(actor: Actor, page: IdPage & { workspaceId: string }): Promise<Member[]>;
  /** Throws `not_found`, `forbidden`, `membership_ends`, and `conflict` for emergency access. */
  change(actor: Actor, member: MemberKey, change: MemberChange): Promise<Member>;
  /** Owners remove anybody; everybody may remove themselves. Throws `not_found` and `forbidden`. */
  remove(actor: Actor, member: MemberKey): Promise<void>;
  /** The member becomes owner, the giver editor. Throws `not_found`, `forbidden` and `membership_ends`. */
  transfer(actor: Actor, to: MemberKey): Promise<void>;
};

export function createMemberService(dependencies: WorkspaceDependencies): MemberService {
  const { database } = dependencies;
  return {
    list: (actor, page) => {
      authorize(actor, "member:read", page);
      return database.transaction(principalsOf(actor), (tx) => listMembers(tx, page));
    },
    change: (actor, member, change) => changeMember(dependencies, actor, member, change),
    remove: (actor, member) => remove(dependencies, actor, member),
    transfer: (actor, to) => transfer(dependencies, actor, to),
  };
}

async function changeMember(
  { database }: WorkspaceDependencies,
  actor: Actor,
  key: MemberKey,
  change: MemberChange,
): Promise<Member> {
  return database.transaction(principalsOf(actor), async (tx) => {
    await lockOwned(tx, actor, "member:write", key.workspaceId);
    const current = await find(tx, key);
    const { role = current.role, expiresAt = current.expiresAt } = change;
    if (current.role === role && current.expiresAt === expiresAt) return current;
    if (current.emergency) {
      throw new AppError("conflict", "Emergency access stays as it was opened: end it, or invite the person");
    }
    if (expiresAt !== null) await requireGoodEnd(tx, { role, at: expiresAt, path: "expiresAt" });
    const entries = await update(tx, actor, { ...key, from: current, to: { role, expiresAt } });
    await announceIdentityChange(tx, [key.userId]);
    await appendAudit(tx, entries);
    return { ...current, role, expiresAt };
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
    await appendAudit(
      tx,
      member.emergency
        ? emergencyEntries(actor.userId, key, "emergency.ended", details)
        : [memberEntry(actor.userId, key, "member.removed", details)],
    );
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
    if (heir.expiresAt !== null) throw ownerHasNoEnd("This membership has an end: take it off first");
    const entries: AuditEntry[] = [
      workspaceEntry(actor, workspaceId, "workspace.transferred", { from: actor.userId, to: userId }),
    ];
    const owner = { role: "owner", expiresAt: null } as const;
    if (heir.role !== "owner") entries.push(...(await update(tx, actor, { ...to, from: heir, to: owner })));
    const giver = { workspaceId, userId: actor.userId, from: owner };
    entries.push(...(await update(tx, actor, { ...giver, to: { role: "editor", expiresAt: null } })));
    await announceIdentityChange(tx, [userId, actor.userId]);
    await appendAudit(tx, entries);
  });
}

type Standing = Pick<Member, "role" | "expiresAt">;

/** An entry for each thing that has changed. */
async function update(
  tx: Executor,
  actor: Actor,
  { from, to, ...key }: MemberKey & { from: Standing; to: Standing },
): Promise<AuditEntry[]> {
  if (!(await updateMember(tx, key, to))) throw notFound("member");
  const entries: AuditEntry[] = [];
  if (from.role !== to.role) {
    entries.push(memberEntry(actor.userId, key, "member.role_changed", { from: from.role, to: to.role }));
  }
  if (from.expiresAt !== to.expiresAt) {
    const details = { from: from.expiresAt, to: to.expiresAt };
    entries.push(memberEntry(actor.userId, key, "member.end_changed", details));
  }
  return entries;
}

async function find(tx: Executor, key: MemberKey): Promise<Member> {
  const member = await findMember(tx, key);
  if (!member) throw notFound("member");
  return member;
}
