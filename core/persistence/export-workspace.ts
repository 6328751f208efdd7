// The rows of a workspace as lines of JSON, a bounded page at a time, written by PostgreSQL: numbers and times come out
// as they are stored. Secrets, hashes of tokens and ciphertexts are in none of the column lists.
import type { Executor } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** Values of the key columns of a page's last row, as text; null at the begin. */
export type ExportKey = readonly string[] | null;
export type ExportLine = { key: string[]; line: string };

/** After which row a page begins, and of how many rows at most lines are made. */
export type ExportPlace = { after: ExportKey; limit: number };

/** A page ends with the row that reaches so many bytes; `limit` rows at most are looked at. */
const PAGE_BYTES = 250_000;

type Source = {
  columns: Sql;
  from: Sql;
  /** Unique, in the order of an index; compared as a row. */
  key: Sql;
  /** The key as texts, and a key from those of the last row. */
  keyTexts: Sql;
  after: (key: readonly string[]) => Sql;
};

const BY_ID = {
  key: sql`t.id`,
  keyTexts: sql`t.id::text`,
  after: ([id]: readonly string[]) => sql`${id}::uuid`,
};

const SOURCES = {
  members: {
    columns: sql`t.user_id as "userId", u.email, u.name, t.role, t.created_at as "createdAt",
      t.expires_at as "expiresAt", t.emergency_reason as "emergencyReason"`,
    from: sql`workspace_members t join users u on u.id = t.user_id`,
    key: sql`t.user_id`,
    keyTexts: sql`t.user_id::text`,
    after: ([id]) => sql`${id}::uuid`,
  },
  invitations: {
    columns: sql`t.id, t.email, t.role, t.invited_by as "invitedBy", t.expires_at as "expiresAt",
      t.accepted_at as "acceptedAt", t.accepted_by as "acceptedBy", t.member_expires_at as "membershipExpiresAt",
      t.created_at as "createdAt"`,
    from: sql`invitations t`,
    ...BY_ID,
  },
  workflows: {
    columns: sql`t.id, t.name, t.description, t.version, t.owner_id as "ownerId", t.archived_at as "archivedAt",
      t.legacy_id as "legacyId", t.created_at as "createdAt", t.updated_at as "updatedAt"`,
    from: sql`workflows t`,
    ...BY_ID,
  },
  "workflow-versions": {
    columns: sql`t.workflow_id as "workflowId", t.version, encode(t.content_hash, 'hex') as "contentHash", t.graph, t.note,
      t.created_by as "createdBy", t.created_at as "createdAt"`,
    from: sql`workflow_versions t`,
    key: sql`t.workflow_id, t.version`,
    keyTexts: sql`t.workflow_id::text, t.version::text`,
    after: ([id, version]) => sql`${id}::uuid, ${version}::int`,
  },
  executions: {
    columns: sql`t.id, t.workflow_id as "workflowId", t.version, t.user_id as "userId", t.status,
      t.trigger_type as "triggerType", t.trigger_node as "triggerNode", t.trigger, t.input, t.output, t.error, t.labels,
      t.priority, t.root_id as "rootId", t.retry_of as "retryOf", t.fork_of as "forkOf", t.parent_id as "parentId",
      t.people_behind as "peopleBehind",
      t.legacy_id as "legacyId", t.created_at as "createdAt", t.started_at as "startedAt", t.finished_at as "finishedAt",
      t.payload_expired_at as "payloadExpiredAt"`,
    from: sql`workflow_executions t`,
    ...BY_ID,
  },
  approvals: {
    columns: sql`t.id, t.execution_id as "executionId", t.node_id as "nodeId", t.iteration, t.attempt, t.status, t.approvers,
      t.quorum, t.excluded_user_ids as "excludedUserIds", t.salt, t.decisions, t.message, t.deadline, t.created_at as "createdAt", t.decided_at as "decidedAt"`,
    from: sql`approvals t`,
    ...BY_ID,
  },
  schedules: {
    columns: sql`t.id, t.name, t.workflow_id as "workflowId", t.owner_id as "ownerId", t.cron, t.run_at as "runAt", t.timezone,
      t.input, t.trigger_node as "trigger", t.misfire, t.tolerance_ms as "toleranceMs", t.max_lateness_ms as "maxLatenessMs",
      t.overlap, t.enabled, t.editors, t.start_at as "startAt", t.end_at as "endAt",
      t.next_run_at as "nextRunAt", t.created_at as "createdAt", t.updated_at as "updatedAt"`,
    from: sql`schedules t`,
    ...BY_ID,
  },
  webhooks: {
    columns: sql`t.id, t.name, t.workflow_id as "workflowId", t.owner_id as "ownerId", t.trigger_node as "trigger", t.enabled, t.editors,
      t.verify_type as "verifyType", t.style, t.verify_header as "verifyHeader", t.timestamp_header as "timestampHeader",
      t.created_at as "createdAt", t.updated_at as "updatedAt"`,
    from: sql`webhooks t`,
    ...BY_ID,
  },
  credentials: {
    columns: sql`t.id, t.name, t.type, t.owner_id as "ownerId", t.allowed_hosts as "allowedHosts",
      t.cleared_labels as "clearedLabels", t.created_at as "createdAt", t.updated_at as "updatedAt"`,
    from: sql`credentials t`,
    ...BY_ID,
  },
  files: {
    columns: sql`t.id, t.name, t.content_type as "contentType", t.size, encode(t.sha256, 'hex') as sha256, t.labels,
      t.owner_id as "ownerId", t.created_at as "createdAt"`,
    from: sql`(select * from files where completed_at is not null) t`,
    ...BY_ID,
  },
} as const satisfies Readonly<Record<string, Source>>;

export type ExportSource = keyof typeof SOURCES;
export const EXPORT_SOURCES = Object.keys(SOURCES) as ExportSource[];

/** Empty at the end. */
export function readExportPage(
  tx: Executor,
  source: ExportSource,
  workspaceId: string,
  { after, limit }: ExportPlace,
): Promise<ExportLine[]> {
  const { columns, from, key, keyTexts, after: place }: Source = SOURCES[source];
  const further = after === null ? sql`` : sql`and (${key}) > (${place(after)})`;
  return readPage(
    tx,
    sql`
      select array[${keyTexts}] as key, row_number() over (order by ${key}) as n, r.line
      from ${from} cross join lateral (select row_to_json(c)::text as line from (select ${columns}) c) r
      where t.workspace_id = ${workspaceId} ${further}
      order by ${key} limit ${limit}`,
  );
}

/** Ids of executions alone, in their order: what they hold stays where it is. */
export async function readExecutionIds(
  tx: Executor,
  workspaceId: string,
  after: string | undefined,
  limit: number,
): Promise<string[]> {
  const further = after === undefined ? sql`` : sql`and id > ${after}::uuid`;
  const rows = await tx.many<{ id: string }>(sql`
    select id from workflow_executions where workspace_id = ${workspaceId} ${further} order by id limit ${limit}`);
  return rows.map((row) => row.id);
}

/** The steps of some executions, in the order of `after`: execution, node, iteration, attempt. */
export function readStepPage(
  tx: Executor,
  executionIds: readonly string[],
  { after, limit }: ExportPlace,
): Promise<ExportLine[]> {
  const key = sql`t.execution_id, t.node_id, t.iteration, t.attempt`;
  const [execution, node, iteration, attempt] = after ?? [];
  const further = after
    ? sql`and (${key}) > (${execution}::uuid, ${node}::text, ${iteration}::text, ${attempt}::int)`
    : sql``;
  return readPage(
    tx,
    sql`
      select array[t.execution_id::text, t.node_id, t.iteration, t.attempt::text] as key,
        row_number() over (order by ${key}) as n, r.line
      from execution_steps t cross join lateral (select row_to_json(c)::text as line from (
        select t.execution_id as "executionId", t.node_id as "nodeId", t.iteration, t.attempt, t.node_type as "nodeType",
          t.status, t.seq, t.effect, t.port, t.input, t.output, t.error, t.labels, t.copied_from as "copiedFrom",
          t.started_at as "startedAt", t.finished_at as "finishedAt") c) r
      where t.execution_id = any (${executionIds}::uuid[]) ${further}
      order by ${key} limit ${limit}`,
  );
}

/** With what is needed to verify them elsewhere: the hashed bytes and both hashes. */
export function readAuditPage(
  tx: Executor,
  chainId: string,
  { after, limit }: ExportPlace,
): Promise<ExportLine[]> {
  return readPage(
    tx,
    sql`
      select array[t.seq::text] as key, t.seq as n, r.line
      from audit_logs t cross join lateral (select row_to_json(c)::text as line from (
        select t.seq, t.id, t.at, t.actor_id as "actorId", t.action, t.target_type as "targetType",
          t.target_id as "targetId", t.details, encode(t.previous_hash, 'hex') as "previousHash",
          encode(t.hash, 'hex') as hash, convert_from(t.canonical, 'UTF8') as canonical) c) r
      where t.chain_id = ${chainId} and t.seq > ${after?.[0] ?? "0"}::bigint
      order by t.seq limit ${limit}`,
  );
}

/** The newest entry's number and hash: what the last line of the exported log, or a later one, must lead to. */
export function findAuditHead(tx: Executor, chainId: string): Promise<{ seq: number; hash: string } | null> {
  return tx.one(sql`select seq, encode(hash, 'hex') as hash from audit_heads where chain_id = ${chainId}`);
}

/** Null unless the person owns the workspace at this moment and is not disabled. */
export function findOwnedWorkspace(
  tx: Executor,
  workspaceId: string,
  userId: string,
): Promise<{ id: string; name: string; settings: unknown; createdAt: string } | null> {
  return tx.one(sql`
    select w.id, w.name, w.settings, w.created_at as "createdAt"
    from workspaces w join workspace_members m on m.workspace_id = w.id join users u on u.id = m.user_id
    where w.id = ${workspaceId} and m.user_id = ${userId} and m.role = 'owner' and u.disabled_at is null`);
}

function readPage(tx: Executor, rows: Sql): Promise<ExportLine[]> {
  return tx.many<ExportLine>(sql`
    select key, line from (
      select key, line, n,
        sum(octet_length(line)) over (order by n rows between unbounded preceding and 1 preceding) as before
      from (${rows}) page
    ) measured
    where coalesce(before, 0) < ${PAGE_BYTES}
    order by n`);
}
