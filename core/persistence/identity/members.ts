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
};

export type MemberKey = { workspaceId: string; userId: string };

const MEMBERS = sql`
  select m.user_id as "userId", u.email, u.name, m.role, u.disabled_at is not null as disabled,
    m.created_at as "joinedAt"
  from workspace_members m join users u on u.id = m.user_id`;

/** By id, newest people first. */
export function listMembers(tx: Executor, page: IdPage & { workspaceId: string }): Promise<Member[]> {
  return tx.many<Member>(sql`${MEMBERS}
    where m.workspace_id = ${page.workspaceId}
      and m.user_id < coalesce(${page.before ?? null}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by m.user_id desc limit ${page.limit}`);
}

export function findMember(tx: Executor, { workspaceId, userId }: MemberKey): Promise<Member | null> {
  return tx.one<Member>(sql`${MEMBERS} where m.workspace_id = ${workspaceId} and m.user_id = ${userId}`);
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

/** False when nobody is there to change. Throws `last_owner` and `personal_workspace`. */
export async function updateRole(
  tx: Executor,
  { workspaceId, userId }: MemberKey,
  role: WorkspaceRole,
): Promise<boolean> {
  const changed = await keepingOwner(
    tx.run(sql`
      update workspace_members set role = ${role} where workspace_id = ${workspaceId} and user_id = ${userId}`),
  );
  return changed > 0;
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
