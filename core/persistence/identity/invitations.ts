// Invitations by e-mail address; tokens are stored as SHA-256 only. Used in the name of the invited by identity_*.
import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import type { WorkspaceRole } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

/** Times are ISO 8601. `void`: who made it could not make it any more. */
export type Invitation = {
  id: string;
  email: string;
  /** Null with the workspace: an invitation to the instance. */
  role: WorkspaceRole | null;
  status: "pending" | "accepted" | "expired" | "void";
  invitedBy: string;
  createdAt: string;
  expiresAt: string;
  acceptedAt: string | null;
  /** When the membership ends that it leads to; null: never. */
  membershipExpiresAt: string | null;
};

export type NewInvitation = {
  id: string;
  workspaceId: string | null;
  email: string;
  role: WorkspaceRole | null;
  tokenHash: Buffer;
  invitedBy: string;
  expiresInHours: number;
  membershipExpiresAt?: string | undefined;
};

const INVITATIONS = sql`
  select i.id, i.email, i.role, i.invited_by as "invitedBy", i.created_at as "createdAt",
    i.expires_at as "expiresAt", i.accepted_at as "acceptedAt", i.member_expires_at as "membershipExpiresAt",
    case when i.accepted_at is not null then 'accepted'
      when least(i.expires_at, i.member_expires_at) <= clock_timestamp() then 'expired'
      when i.workspace_id is not null and not exists (select from workspace_members m join users u on u.id = m.user_id
        where m.workspace_id = i.workspace_id and m.user_id = i.invited_by and m.role = 'owner'
          and u.disabled_at is null) then 'void'
      else 'pending' end as status
  from invitations i`;

const of = (workspaceId: string | null) => sql`workspace_id is not distinct from ${workspaceId}::uuid`;

/** Newest first. */
export function listInvitations(
  tx: Executor,
  page: IdPage & { workspaceId: string | null },
): Promise<Invitation[]> {
  return tx.many<Invitation>(sql`${INVITATIONS}
    where ${of(page.workspaceId)}
      and i.id < coalesce(${page.before ?? null}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by i.id desc limit ${page.limit}`);
}

export async function insertInvitation(tx: Executor, row: NewInvitation): Promise<Invitation> {
  await tx.run(sql`
    insert into invitations (id, workspace_id, email, role, token_hash, invited_by, member_expires_at, expires_at)
    values (${row.id}, ${row.workspaceId}, ${row.email}, ${row.role}, ${row.tokenHash}, ${row.invitedBy},
      ${row.membershipExpiresAt ?? null}, clock_timestamp() + make_interval(hours => ${row.expiresInHours}))`);
  const made = await tx.one<Invitation>(sql`${INVITATIONS} where i.id = ${row.id}`);
  return made as Invitation;
}

/** How many wait to be accepted. */
export async function countPending(tx: Executor, workspaceId: string | null): Promise<number> {
  const row = await tx.one<{ count: number }>(sql`
    select count(*) as count from invitations
    where ${of(workspaceId)} and accepted_at is null and expires_at > clock_timestamp()`);
  return row?.count ?? 0;
}

/** A new invitation takes the place of what the same address was sent before; the number of those. */
export function deleteWaiting(
  tx: Executor,
  { workspaceId, email }: { workspaceId: string | null; email: string },
): Promise<number> {
  return tx.run(sql`
    delete from invitations where ${of(workspaceId)} and lower(email) = ${email} and accepted_at is null`);
}

/** Null when there is none, or it was accepted. */
export function deleteInvitation(
  tx: Executor,
  { id, workspaceId }: { id: string; workspaceId: string | null },
): Promise<{ email: string } | null> {
  return tx.one<{ email: string }>(sql`
    delete from invitations where id = ${id} and ${of(workspaceId)} and accepted_at is null returning email`);
}

/** Whether a token invites the person with this address now. Runs before anybody is known. */
export async function isInvited(executor: Executor, tokenHash: Buffer, email: string): Promise<boolean> {
  const row = await executor.one<{ id: string | null }>(
    sql`select identity_find_invitation(${tokenHash}, ${email}) as id`,
  );
  return typeof row?.id === "string";
}

/** `role` is the one they have now: who was a member before keeps theirs, and has not joined. */
export type Acceptance = { id: string; hasJoined: boolean } & (
  | { workspaceId: string; role: WorkspaceRole }
  | { workspaceId: null; role: null }
);

/**
 * Uses the invitation up in the name of the transaction's person; null when it is not for them, not good or used.
 * Throws `conflict` for who is in by emergency access: the invitation stays good.
 */
export async function acceptInvitation(tx: Executor, tokenHash: Buffer): Promise<Acceptance | null> {
  try {
    return await tx.one<Acceptance>(
      sql`select id, "workspaceId", role, "hasJoined" from identity_accept_invitation(${tokenHash})`,
    );
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ZA003")) throw error;
    throw new AppError(
      "conflict",
      "Your emergency access to this workspace is open: end it, then accept the invitation",
      { cause: error },
    );
  }
}
