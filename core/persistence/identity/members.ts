// Who is in a workspace, and as what. That one owner stays is the database's last word, told here in ours.

import { AppError } from "../../domain/app-error.ts";
import type { IdPage } from "../../domain/id-page.ts";
import type { WorkspaceRole } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type Member = {
  userId: string;
  email: string;
  name: string;
  role: WorkspaceRole;
  /** Disabled people cannot sign in. */
  disabled: boolean;
  /** ISO 8601. */
  joinedAt: string;
  /** ISO 8601; null: it has no end. */
  expiresAt: string | null;
  /** An administrator of the instance who let themselves in, and why; null for everybody else. */
  emergency: { reason: string; since: string; until: string } | null;
};

export type MemberKey = { workspaceId: string; userId: string };

const MEMBERS = sql`
  select m.user_id as "userId", u.email, u.name, m.role, u.disabled_at is not null as disabled,
    m.created_at as "joinedAt", m.expires_at as "expiresAt", m.emergency_reason as reason
  from workspace_members m join users u on u.id = m.user_id`;

/** By id, newest people first. */
export async function listMembers(tx: Executor, page: IdPage & { workspaceId: string }): Promise<Member[]> {
  const rows = await tx.many<Row>(sql`${MEMBERS}
    where m.workspace_id = ${page.workspaceId}
      and m.user_id < coalesce(${page.before ?? null}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by m.user_id desc limit ${page.limit}`);
  return rows.map(toMember);
}

/** Those who are in by emergency. */
export async function listEmergencies(tx: Executor, workspaceId: string): Promise<Member[]> {
  const rows = await tx.many<Row>(sql`${MEMBERS}
    where m.workspace_id = ${workspaceId} and m.emergency_reason is not null order by m.user_id`);
  return rows.map(toMember);
}

export async function findMember(tx: Executor, { workspaceId, userId }: MemberKey): Promise<Member | null> {
  const row = await tx.one<Row>(
    sql`${MEMBERS} where m.workspace_id = ${workspaceId} and m.user_id = ${userId}`,
  );
  return row && toMember(row);
}

type Row = Omit<Member, "emergency"> & { reason: string | null };

function toMember({ reason, ...row }: Row): Member {
  const { joinedAt: since, expiresAt: until } = row;
  return { ...row, emergency: reason === null || until === null ? null : { reason, since, until } };
}

/** `email` in lower case. */
export async function isMember(
  tx: Executor,
  { workspaceId, email }: { workspaceId: string; email: string },
): Promise<boolean> {
  const row = await tx.one(
    sql`${MEMBERS} where m.workspace_id = ${workspaceId} and lower(u.email) = ${email}`,
  );
  return row !== null;
}

export async function listMemberIds(tx: Executor, workspaceId: string): Promise<string[]> {
  const rows = await tx.many<{ userId: string }>(sql`
    select user_id as "userId" from workspace_members where workspace_id = ${workspaceId}`);
  return rows.map((row) => row.userId);
}

/** `expiresAt` ISO 8601. False when nobody is there to change. Throws `last_owner` and `personal_workspace`. */
export async function updateMember(
  tx: Executor,
  { workspaceId, userId }: MemberKey,
  { role, expiresAt }: Pick<Member, "role" | "expiresAt">,
): Promise<boolean> {
  const changed = await keepingOwner(
    tx.run(sql`
      update workspace_members set role = ${role}, expires_at = ${expiresAt}
      where workspace_id = ${workspaceId} and user_id = ${userId}`),
  );
  return changed > 0;
}

/** Whether a membership may end then (ISO 8601): by the database's clock, at most 366 days ahead. */
export async function judgeEnd(tx: Executor, at: string): Promise<"past" | "too_far" | "fine"> {
  const row = await tx.one<{ verdict: "past" | "too_far" | "fine" }>(sql`
    select case when ${at}::timestamptz <= clock_timestamp() then 'past'
      when ${at}::timestamptz > clock_timestamp() + interval '366 days' then 'too_far' else 'fine' end as verdict`);
  return row?.verdict ?? "past";
}

/** False when nobody was there. Throws `last_owner` and `personal_workspace`. */
export async function deleteMember(tx: Executor, { workspaceId, userId }: MemberKey): Promise<boolean> {
  const removed = await keepingOwner(
    tx.run(sql`delete from workspace_members where workspace_id = ${workspaceId} and user_id = ${userId}`),
  );
  return removed > 0;
}

/** The two codes that the trigger identity_keep_owner raises. */
async function keepingOwner<Result>(statement: Promise<Result>): Promise<Result> {
  try {
    return await statement;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ZA001") {
      throw new AppError("last_owner", "A workspace keeps at least one owner who can sign in", {
        cause: error,
      });
    }
    if (code === "ZA002") {
      throw new AppError(
        "personal_workspace",
        "This is the person's own workspace: it can be shared, but they stay its owner",
        { cause: error },
      );
    }
    throw error;
  }
}
