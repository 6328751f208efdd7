// Invitations: links that let one e-mail address into a workspace, or into the instance, once.

import { v7 as uuidv7 } from "uuid";
import { createOpaqueToken, hashToken } from "../../crypto/tokens.ts";
import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import { type Actor, authorize, notFound, type WorkspaceRole } from "../../domain/roles.ts";
import { tokenLink } from "../../domain/token-link.ts";
import { type AuditEntry, appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { announceIdentityChange } from "../../persistence/identity/identity-changes.ts";
import {
  countPending,
  deleteInvitation,
  deleteWaiting,
  type Invitation,
  insertInvitation,
  listInvitations,
} from "../../persistence/identity/invitations.ts";
import { isMember } from "../../persistence/identity/members.ts";
import { principalsOf } from "../principals-of.ts";
import { type Post, sendLetter } from "../send-letter.ts";
import { invalidInvite, redeemInvitation } from "./accept-invitation.ts";
import { invitationMail } from "./invitation-mail.ts";
import { requireGoodEnd } from "./membership-end.ts";
import { lockOwned } from "./own-workspace.ts";
import type { WorkspaceDependencies } from "./workspaces.ts";

const MAX_PENDING = 200;

export type { Invitation };

export type InvitationDependencies = WorkspaceDependencies & Post & { publicUrl: string };

/** `workspaceId` null: the instance's, for routes that let administrators in only. */
export type InvitationScope = { workspaceId: string | null };

export type NewInvitation = InvitationScope & {
  /** In lower case. */
  email: string;
  /** Null with the workspace. */
  role: WorkspaceRole | null;
  expiresInHours: number;
  /** When the membership ends that it leads to, ISO 8601. */
  membershipExpiresAt?: string | undefined;
};

/** `url` is shown this once; `mailed` says that the mail server took it, not that it arrived. */
export type SentInvitation = Invitation & { url: string; mailed: boolean };

export type InvitationService = {
  list(actor: Actor, page: InvitationScope & IdPage): Promise<Invitation[]>;
  /** Takes the place of an earlier one to the same address. Throws `already_member`, `too_many_invitations`, `membership_ends`. */
  create(actor: Actor, draft: NewInvitation): Promise<SentInvitation>;
  /** Throws `not_found`, also for what was accepted. */
  revoke(actor: Actor, invitation: InvitationScope & { id: string }): Promise<void>;
  /** For somebody signed in; the address must be theirs. Throws `invalid_invite`. */
  accept(actor: Actor, token: string): Promise<{ workspaceId: string; role: WorkspaceRole }>;
};

export function createInvitationService(dependencies: InvitationDependencies): InvitationService {
  const { database } = dependencies;
  return {
    async list(actor, page) {
      const { workspaceId } = page;
      if (workspaceId !== null) authorize(actor, "invitation:read", { workspaceId });
      return database.transaction(principalsOf(actor), (tx) => listInvitations(tx, page));
    },
    create: (actor, draft) => create(dependencies, actor, draft),
    revoke: (actor, invitation) => revoke(dependencies, actor, invitation),
    accept: (actor, token) => accept(dependencies, actor, token),
  };
}

async function create(
  dependencies: InvitationDependencies,
  actor: Actor,
  draft: NewInvitation,
): Promise<SentInvitation> {
  const { database, publicUrl } = dependencies;
  const token = createOpaqueToken("inv_");
  const row = { ...draft, id: uuidv7(), tokenHash: hashToken(token), invitedBy: actor.userId };
  const invitation = await database.transaction(principalsOf(actor), async (tx) => {
    await lockScope(tx, actor, draft);
    const { workspaceId, email, role, membershipExpiresAt: at } = draft;
    if (at !== undefined) await requireGoodEnd(tx, { role, at, path: "membershipExpiresAt" });
    if (workspaceId !== null && (await isMember(tx, { workspaceId, email }))) {
      throw new AppError("already_member", "This person is a member already: change their role instead");
    }
    const replaced = await deleteWaiting(tx, draft);
    if ((await countPending(tx, workspaceId)) >= MAX_PENDING) {
      throw new AppError("too_many_invitations", `${MAX_PENDING} invitations are open; revoke some first`);
    }
    const made = await insertInvitation(tx, row);
    const { expiresAt, membershipExpiresAt } = made;
    const details = { email, role, expiresAt, membershipExpiresAt, replaced };
    await appendAudit(tx, [entryOf(actor, row, "invitation.created", details)]);
    return made;
  });
  const url = tokenLink(publicUrl, "/invite", token);
  const { email: to, role, expiresAt } = invitation;
  const letter = invitationMail({ to, from: actor.email, link: url, role, expiresAt });
  return { ...invitation, url, mailed: await sendLetter(dependencies, letter) };
}

async function revoke(
  { database }: InvitationDependencies,
  actor: Actor,
  scope: InvitationScope & { id: string },
): Promise<void> {
  await database.transaction(principalsOf(actor), async (tx) => {
    await lockScope(tx, actor, scope);
    const revoked = await deleteInvitation(tx, scope);
    if (!revoked) throw notFound("invitation");
    await appendAudit(tx, [entryOf(actor, scope, "invitation.revoked", revoked)]);
  });
}

async function accept(
  { database }: InvitationDependencies,
  actor: Actor,
  token: string,
): Promise<{ workspaceId: string; role: WorkspaceRole }> {
  const { userId } = actor;
  return database.transaction(principalsOf(actor), async (tx) => {
    const { acceptance, entries } = await redeemInvitation(tx, { userId, token });
    // An invitation to the instance is for registration; whoever is here has come in.
    if (acceptance.workspaceId === null) throw invalidInvite();
    await announceIdentityChange(tx, [userId]);
    await appendAudit(tx, entries);
    const { workspaceId, role } = acceptance;
    return { workspaceId, role };
  });
}

/** The workspace's owners; who may invite to the instance was the route's question. */
async function lockScope(tx: Executor, actor: Actor, { workspaceId }: InvitationScope): Promise<void> {
  if (workspaceId !== null) await lockOwned(tx, actor, "invitation:write", workspaceId);
}

function entryOf(
  actor: Actor,
  { id, workspaceId }: InvitationScope & { id: string },
  action: `invitation.${string}`,
  details: unknown,
): AuditEntry {
  const target = { targetType: "invitation", targetId: id };
  return { ...target, chainId: workspaceId ?? INSTANCE_CHAIN, actorId: actor.userId, action, details };
}
