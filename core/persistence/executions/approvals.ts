// What people were asked and what they have said.
import type { ApprovalAnswer, ApprovalStatus, Decision } from "../../domain/approval.ts";
import type { ReadFacts } from "../../domain/audited-read.ts";
import type { Executor } from "../database.ts";
import { newestFirst } from "../newest-first.ts";
import { auditReadsOf } from "../read-facts.ts";
import { type Sql, sql } from "../sql.ts";
import type { SuspendedStep } from "./wake-executions.ts";

/** Whose right to decide is asked for: roles that may when nobody is named, and those that may when they are named. */
export type Signer = { userId: string; always: readonly string[]; named: readonly string[] };

export type Approval = {
  id: string;
  workspaceId: string;
  executionId: string;
  workflowId: string;
  /** null when the workflow is out of sight. */
  workflowName: string | null;
  nodeId: string;
  iteration: string;
  attempt: number;
  message: string;
  approvers: string[];
  quorum: number;
  /** The address as long as the person is around. */
  decisions: (Decision & { email: string | null })[];
  deadline: string | null;
  createdAt: string;
  decidedAt: string | null;
  status: ApprovalStatus;
  /** The key of the hashes in the audit log. */
  salt: string;
  mayDecide: boolean;
};

/** A person's role in each workspace, as they may sign there, and their address. */
export type Standing = { email: string; roles: Readonly<Record<string, string>> };

/** null: they may sign in none. */
export function findStanding(
  tx: Executor,
  userId: string,
  workspaceIds: readonly string[],
): Promise<Standing | null> {
  return tx.one<Standing>(sql`
    select lower(u.email) email, jsonb_object_agg(m.workspace_id, m.role) roles
    from workspace_members m join users u on u.id = m.user_id
    where m.user_id = ${userId} and m.workspace_id = any (${workspaceIds}::uuid[]) and u.disabled_at is null
      and (m.expires_at is null or m.expires_at > clock_timestamp()) and m.emergency_reason is null
    group by u.id`);
}

/** As `isEntitled`, for many rows: the members are looked up once, not for each of them. */
function isAsked({ email, roles }: Standing, { always, named }: Signer): Sql {
  const role = sql`(${JSON.stringify(roles)}::jsonb ->> a.workspace_id::text)`;
  return sql`case when a.approvers = '{}' then coalesce(${role} = any (${always}::text[]), false)
    else coalesce(${role} = any (${named}::text[]) and a.approvers && array[${email}::text, 'role:' || ${role}], false) end`;
}

/**
 * As the row says now, of a member who is one now: for the signature of somebody who was removed a moment ago. Who is in by
 * emergency looks, and signs nothing.
 */
const isEntitled = ({ userId, always, named }: Signer) => sql`exists (
  select from workspace_members m join users u on u.id = m.user_id
  where m.workspace_id = a.workspace_id and m.user_id = ${userId} and u.disabled_at is null
    and (m.expires_at is null or m.expires_at > clock_timestamp()) and m.emergency_reason is null
    and case when a.approvers = '{}' then m.role = any (${always}::text[])
      else m.role = any (${named}::text[]) and a.approvers && array[lower(u.email), 'role:' || m.role] end)`;
const isOver = sql`coalesce(a.deadline <= clock_timestamp(), false)`;
const hasDecided = (userId: string) =>
  sql`a.decisions @> jsonb_build_array(jsonb_build_object('userId', ${userId}::text))`;
const isExcluded = (userId: string) => sql`${userId}::uuid = any (a.excluded_user_ids)`;

export type ApprovalFilter = {
  workspaceIds: readonly string[];
  executionId?: string | undefined;
  status?: ApprovalStatus | undefined;
  /** Only what the signer may decide now. */
  mine?: boolean | undefined;
  before?: string | undefined;
  limit: number;
};

/** Newest first. `signer` null: somebody who may decide nothing, whatever the row says. */
export async function listApprovals(
  tx: Executor,
  filter: ApprovalFilter,
  signer: Signer | null,
): Promise<(Approval & Omit<ReadFacts, "workspaceId">)[]> {
  const standing = signer && (await findStanding(tx, signer.userId, filter.workspaceIds));
  const mayDecide = standing
    ? sql`(a.status = 'pending' and not ${isOver} and not ${hasDecided(signer.userId)}
        and not ${isExcluded(signer.userId)} and ${isAsked(standing, signer)})`
    : sql`false`;
  const byExecution = filter.executionId ? sql`and a.execution_id = ${filter.executionId}` : sql``;
  const byStatus = filter.status ? sql`and a.status = ${filter.status}` : sql``;
  // Named again, so that the index of pending ones serves.
  const mine = filter.mine ? sql`and a.status = 'pending' and ${mayDecide}` : sql``;
  const before = filter.before ? sql`and a.id < ${filter.before}` : sql``;
  const rowsOf = (workspaceId: Sql) => sql`
    select a.* from approvals a where a.workspace_id = ${workspaceId} ${byExecution} ${byStatus} ${mine} ${before}`;
  return tx.many(sql`
    select a.id, a.workspace_id "workspaceId", a.execution_id "executionId", e.workflow_id "workflowId",
      w.name "workflowName", a.node_id "nodeId", a.iteration, a.attempt, a.message, a.approvers, a.quorum,
      (select coalesce(jsonb_agg(d || jsonb_build_object('email', u.email) order by n), '[]')
        from jsonb_array_elements(a.decisions) with ordinality said (d, n)
        left join users u on u.id = (d ->> 'userId')::uuid and u.erased_at is null) decisions,
      a.deadline, a.created_at "createdAt", a.decided_at "decidedAt", a.status, a.salt, ${mayDecide} "mayDecide",
      e.labels, ${auditReadsOf(sql`e`)}
    from (${newestFirst(filter.workspaceIds, filter.limit, rowsOf)}) a
    join workflow_executions e on e.id = a.execution_id
    left join workflows w on w.id = e.workflow_id
    order by a.id desc`);
}

export function findApproval(
  tx: Executor,
  id: string,
): Promise<{ workspaceId: string; executionId: string } | null> {
  return tx.one(sql`
    select workspace_id "workspaceId", execution_id "executionId" from approvals where id = ${id}`);
}

export type LockedApproval = SuspendedStep & {
  status: ApprovalStatus;
  message: string;
  quorum: number;
  decisions: Decision[];
  isOver: boolean;
  hasDecided: boolean;
  isExcluded: boolean;
  isEntitled: boolean;
  salt: string;
  /** ISO time on the database's clock. */
  now: string;
};

/**
 * Holds the row until the transaction ends: of two who decide, the second sees what the first has made of it, and who
 * comes when its time is over waits for those who came in time. After the execution's row, as everybody who ends one.
 */
export async function lockApproval(tx: Executor, id: string, signer: Signer): Promise<LockedApproval | null> {
  await tx.run(sql`select from approvals where id = ${id} for no key update`);
  // A statement of its own: it reads the clock and the members when the lock is held.
  return tx.one<LockedApproval>(sql`
    select a.execution_id "executionId", a.node_id "nodeId", a.iteration, a.attempt, a.status, a.message, a.quorum,
      a.salt, a.decisions, ${isOver} "isOver", ${hasDecided(signer.userId)} "hasDecided", ${isExcluded(signer.userId)} "isExcluded",
      ${isEntitled(signer)} "isEntitled", clock_timestamp() now
    from approvals a where a.id = ${id}`);
}

/** Under `lockApproval`. */
export async function writeDecision(
  tx: Executor,
  id: string,
  { decision, status }: { decision: Decision; status: ApprovalStatus },
): Promise<void> {
  await tx.run(sql`
    update approvals
    set decisions = decisions || jsonb_build_array(${JSON.stringify(decision)}::jsonb), status = ${status},
      decided_at = case when ${status}::text <> 'pending' then clock_timestamp() end
    where id = ${id} and status = 'pending'`);
}

/**
 * How it has ended; null: it may still be decided. The lock waits for whoever decides it at this moment. Not before the
 * deadline does it say `expired`; then nobody can decide any more.
 */
export async function settleApproval(database: Executor, id: string): Promise<ApprovalAnswer | null> {
  type Settled = { status: ApprovalStatus; decisions: Decision[]; isOver: boolean };
  const row = await database.one<Settled>(sql`
    select a.status, a.decisions, ${isOver} "isOver" from approvals a where a.id = ${id} for share of a`);
  if (row?.status === "approved" || row?.status === "rejected")
    return { decision: row.status, decisions: row.decisions };
  if (row?.status === "pending" && !row.isOver) return null;
  return { decision: "expired", decisions: row?.decisions ?? [] };
}

/**
 * Those that the transaction itself has let expire. A write whose commit was not heard of is written again and finds them as
 * they are to be; the version of a row says who wrote it.
 */
export async function findOwnExpired(tx: Executor, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx.many<{ id: string }>(sql`
    select id from approvals
    where id = any(${ids}::uuid[]) and status = 'expired' and xmin = pg_current_xact_id()::xid`);
  return new Set(rows.map(({ id }) => id));
}
