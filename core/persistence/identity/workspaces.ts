// Workspaces as their members see them, and what their owners change of them.
import type { IdPage } from "../../domain/id-page.ts";
import type { WorkspaceRole } from "../../domain/roles.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type MemberWorkspace = { id: string; name: string; role: WorkspaceRole };

/** The workspaces of a person with their role in each, oldest first. */
export function listWorkspacesOf(tx: Executor, userId: string): Promise<MemberWorkspace[]> {
  return tx.many<MemberWorkspace>(sql`
    select w.id, w.name, m.role
    from workspace_members m join workspaces w on w.id = m.workspace_id
    where m.user_id = ${userId}
    order by w.id`);
}

/** `role` is the reader's own; times are ISO 8601. */
export type Workspace = MemberWorkspace & {
  personal: boolean;
  /** Asks every member for a second factor. */
  requireTotp: boolean;
  /** Every read of its executions and files is in its audit log. */
  auditReads: boolean;
  /** How many of its executions run at once; null: no limit. */
  maxConcurrency: number | null;
  /** How many of its executions may be queued; null: as many as the instance says. */
  maxQueued: number | null;
  /** After how many days what has ended goes, and what it held; null: never. */
  retention: { executionDays: number | null; payloadDays: number | null };
  /** Nothing of its executions, steps and files is deleted since then; null: no hold. */
  legalHold: { since: string; by: string | null; reason: string } | null;
  memberCount: number;
  createdAt: string;
  updatedAt: string;
};

/** The workspaces of `userId` among those the transaction may see; needs `m` and `w`. */
const WORKSPACES = sql`
  select w.id, w.name, m.role, w.personal, w.require_totp as "requireTotp", w.audit_reads as "auditReads",
    w.max_concurrency as "maxConcurrency", w.max_queued as "maxQueued",
    jsonb_build_object('executionDays', w.execution_days, 'payloadDays', w.payload_days) retention,
    case when w.legal_hold_at is not null then jsonb_build_object('by', w.legal_hold_by, 'reason', w.legal_hold_reason,
      'since', to_char(w.legal_hold_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end "legalHold",
    (select count(*) from workspace_members c where c.workspace_id = w.id) as "memberCount",
    w.created_at as "createdAt", w.updated_at as "updatedAt"
  from workspace_members m join workspaces w on w.id = m.workspace_id
    and w.id = any ((select app_workspace_ids())::uuid[])`;

/** Newest first. */
export function listWorkspaces(tx: Executor, page: IdPage & { userId: string }): Promise<Workspace[]> {
  return tx.many<Workspace>(sql`${WORKSPACES}
    where m.user_id = ${page.userId} and w.id < coalesce(${page.before ?? null}::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    order by w.id desc limit ${page.limit}`);
}

export function findWorkspace(
  tx: Executor,
  { id, userId }: { id: string; userId: string },
): Promise<Workspace | null> {
  return tx.one<Workspace>(sql`${WORKSPACES} where m.user_id = ${userId} and w.id = ${id}`);
}

/** Makes it and its first owner. Runs in the name of `userId`, with the new id among the transaction's workspaces. */
export async function insertWorkspace(
  tx: Executor,
  { id, name, userId }: { id: string; name: string; userId: string },
): Promise<void> {
  await tx.run(sql`insert into workspaces (id, name, created_by) values (${id}, ${name}, ${userId})`);
  await tx.run(sql`
    insert into workspace_members (workspace_id, user_id, role) values (${id}, ${userId}, 'owner')`);
}

/** How many they made and own. The person's other transactions that count wait until this one ends. */
export async function countFoundedWorkspaces(tx: Executor, userId: string): Promise<number> {
  await tx.run(sql`select pg_advisory_xact_lock(hashtext('workspaces'), hashtext(${userId}))`);
  const row = await tx.one<{ count: number }>(sql`
    select count(*) as count from workspace_members m join workspaces w on w.id = m.workspace_id
    where m.user_id = ${userId} and m.role = 'owner' and w.created_by = ${userId}`);
  return row?.count ?? 0;
}

/**
 * Holds the workspace against others who change its members or itself; what hangs on it can still be written.
 * False when the person is not its owner (any more): row-level security lets owners only lock it.
 */
export async function lockWorkspace(tx: Executor, id: string): Promise<boolean> {
  const lock = sql`select id from workspaces where id = ${id} for no key update`;
  await tx.run(lock);
  // Asked again under the lock: the first answer is from before the wait, in which the person may have been demoted.
  return (await tx.one(lock)) !== null;
}

/** Undefined leaves as it is; null takes a limit away. */
export async function updateWorkspace(
  tx: Executor,
  change: {
    id: string;
    name?: string | undefined;
    requireTotp?: boolean | undefined;
    auditReads?: boolean | undefined;
    maxConcurrency?: number | null | undefined;
    maxQueued?: number | null | undefined;
  },
): Promise<void> {
  await tx.run(sql`
    update workspaces set name = coalesce(${change.name ?? null}, name),
      require_totp = coalesce(${change.requireTotp ?? null}, require_totp),
      audit_reads = coalesce(${change.auditReads ?? null}, audit_reads),
      max_concurrency = case when ${change.maxConcurrency !== undefined} then ${change.maxConcurrency ?? null}::int
        else max_concurrency end,
      max_queued = case when ${change.maxQueued !== undefined} then ${change.maxQueued ?? null}::int
        else max_queued end, updated_at = clock_timestamp()
    where id = ${change.id}`);
}

export async function updateRetention(
  tx: Executor,
  id: string,
  { executionDays, payloadDays }: Workspace["retention"],
): Promise<void> {
  await tx.run(sql`
    update workspaces set execution_days = ${executionDays}, payload_days = ${payloadDays},
      updated_at = clock_timestamp()
    where id = ${id}`);
}

/** null lifts it. Waits for batches of expiry and other deletions that are under way; none begins after the commit. */
export async function updateLegalHold(
  tx: Executor,
  id: string,
  hold: { by: string; reason: string } | null,
): Promise<void> {
  await tx.run(sql`
    update workspaces set legal_hold_at = case when ${hold !== null} then clock_timestamp() end,
      legal_hold_by = ${hold?.by ?? null}, legal_hold_reason = ${hold?.reason ?? null}, updated_at = clock_timestamp()
    where id = ${id}`);
}

/**
 * Until the transaction ends nobody sets a legal hold. Called before a deletion asks for one, so that nothing goes after
 * the hold was answered. Those who delete do not wait for each other.
 */
export async function keepOutHolds(tx: Executor): Promise<void> {
  await tx.run(sql`select pg_advisory_xact_lock_shared(hashtext('atelier'), hashtext('legal hold'))`);
}

/** Whether its executions, files and schedules are under legal hold. Where none stands, none is set before the commit. */
export async function isHeld(tx: Executor, id: string): Promise<boolean> {
  await keepOutHolds(tx);
  const row = await tx.one(sql`select id from workspaces where id = ${id} and legal_hold_at is not null`);
  return row !== null;
}

/** Runs in the name of the person. */
export async function hasSecondFactor(tx: Executor, userId: string): Promise<boolean> {
  const row = await tx.one(sql`select id from users where id = ${userId} and totp_enabled_at is not null`);
  return row !== null;
}

/** Which of their workspaces ask their members for one. Runs in the name of the person. */
export async function findWorkspacesAskingForTotp(tx: Executor, userId: string): Promise<string[]> {
  const rows = await tx.many<{ id: string }>(sql`
    select w.id from workspace_members m join workspaces w on w.id = m.workspace_id
    where m.user_id = ${userId} and w.require_totp order by w.id`);
  return rows.map(({ id }) => id);
}
