// Executions as people see them: one with its payloads, many without.
import type { ReadFacts } from "../../domain/audited-read.ts";
import { type ExecutionError, type ExecutionStatus, LEASE_MS } from "../../domain/execution.ts";
import type { Executor } from "../database.ts";
import { newestFirst } from "../newest-first.ts";
import { auditReadsOf } from "../read-facts.ts";
import { type Sql, sql } from "../sql.ts";
import { CANCELLED_ERROR } from "./cancelled-error.ts";
import { isDecided } from "./is-decided.ts";
import { inMonthsOf } from "./months-of-ids.ts";
import { EXECUTION_CHANNEL } from "./write-journal.ts";

export type ExecutionSummary = {
  id: string;
  workspaceId: string;
  workflowId: string;
  version: number;
  status: ExecutionStatus;
  retryOf: string | null;
  forkOf: string | null;
  parentId: string | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
};

export type Execution = ExecutionSummary & {
  trigger: Record<string, unknown>;
  input: unknown;
  output: unknown;
  error: ExecutionError | null;
  /** Effects in doubt for which it waits; at most 100 are named. */
  pendingDecisions: { nodeId: string; iteration: string }[];
  /** What people are asked just now; at most 100 are named. */
  pendingApprovals: { id: string; nodeId: string; iteration: string }[];
  /** Its worker is lost and no other has taken it over yet. */
  recovering?: boolean;
  /** Since when input, output, trigger data and those of the steps are gone; states, times and codes are left. */
  payloadExpiredAt?: string;
};

type FoundExecution = Omit<Execution, "payloadExpiredAt"> & { payloadExpiredAt: string | null };

export type ExecutionState = ReadFacts &
  Pick<Execution, "status" | "error"> & { payloadExpiredAt: string | null };

const FACTS = sql`e.labels, ${auditReadsOf(sql`e`)}`;
const SUMMARY = sql`e.id, e.workspace_id "workspaceId", e.workflow_id "workflowId", e.version, e.status,
  e.retry_of "retryOf", e.fork_of "forkOf", e.parent_id "parentId", e.created_at "createdAt",
  e.started_at "startedAt", e.finished_at "finishedAt"`;
const DECISIONS = sql`(select coalesce(jsonb_agg(jsonb_build_object('nodeId', node_id, 'iteration', iteration) order by seq), '[]')
  from (select node_id, iteration, seq from execution_steps s
    where s.execution_id = e.id and s.status = 'unknown' and not ${isDecided} order by seq limit 100) parked)`;
const APPROVALS = sql`(select coalesce(jsonb_agg(jsonb_build_object('id', id, 'nodeId', node_id, 'iteration', iteration) order by id), '[]')
  from (select id, node_id, iteration from approvals a
    where a.execution_id = e.id and a.status = 'pending' order by id limit 100) asked)`;

/**
 * Its lease has run out, its worker has stopped or fell silent for as long, or it was taken back and waits to be claimed
 * again. Only a running one looks a worker up.
 */
const RECOVERING = sql`case e.status
  when 'running' then e.lease_until < clock_timestamp() or exists (
    select from workers w where w.id = e.lease_owner and (w.stopped_at is not null
      or w.heartbeat_at < clock_timestamp() - make_interval(secs => ${LEASE_MS / 1000}::float8)))
  when 'queued' then e.crash_count > 0 and e.available_at <= clock_timestamp()
  else false end`;

/** With its payloads, and with the facts about its readers, which are not for them. */
export function findExecution(
  tx: Executor,
  id: string,
): Promise<(FoundExecution & Omit<ReadFacts, "workspaceId">) | null> {
  return tx.one(sql`
    select ${SUMMARY}, ${FACTS}, jsonb_build_object('type', e.trigger_type, 'node', e.trigger_node) || e.trigger trigger,
      e.input, e.output, e.error, ${RECOVERING} recovering, e.payload_expired_at "payloadExpiredAt",
      case when e.status in ('queued', 'running', 'waiting') then ${DECISIONS} else '[]' end "pendingDecisions",
      case when e.status in ('queued', 'running', 'waiting') then ${APPROVALS} else '[]' end "pendingApprovals"
    from workflow_executions e where e.id = ${id} ${inMonthsOf([id])}`);
}

/** Where it stands and what that says about its readers, without payloads. */
export function findExecutionState(tx: Executor, id: string): Promise<ExecutionState | null> {
  return tx.one<ExecutionState>(sql`
    select e.workspace_id "workspaceId", e.status, e.error, e.payload_expired_at "payloadExpiredAt", ${FACTS}
    from workflow_executions e where e.id = ${id} ${inMonthsOf([id])}`);
}

export function findExecutionSummary(tx: Executor, id: string): Promise<ExecutionSummary | null> {
  return tx.one<ExecutionSummary>(sql`select ${SUMMARY} from workflow_executions e where e.id = ${id}`);
}

/** Where executions stand, by id; those out of sight are left out. */
export function findStatuses(
  tx: Executor,
  ids: readonly string[],
): Promise<{ id: string; workspaceId: string; status: ExecutionStatus }[]> {
  return tx.many(sql`
    select e.id, e.workspace_id "workspaceId", e.status from workflow_executions e
    where e.id = any(${ids}::uuid[])`);
}

export type ExecutionFilter = {
  workspaceIds: readonly string[];
  workflowId?: string | undefined;
  status?: ExecutionStatus | undefined;
  /** Bounds of the submission time, ISO: from inclusive, to exclusive. */
  from?: string | undefined;
  to?: string | undefined;
  before?: string | undefined;
  limit: number;
};

/** Newest first. Time bounds become bounds of the time-ordered id. */
export function listExecutions(tx: Executor, filter: ExecutionFilter): Promise<ExecutionSummary[]> {
  const byWorkflow = filter.workflowId ? sql`and e.workflow_id = ${filter.workflowId}` : sql``;
  const byStatus = filter.status ? sql`and e.status = ${filter.status}` : sql``;
  const from = filter.from ? sql`and e.id >= uuid_floor(${filter.from}::timestamptz)` : sql``;
  const to = filter.to ? sql`and e.id < uuid_floor(${filter.to}::timestamptz)` : sql``;
  const before = filter.before ? sql`and e.id < ${filter.before}` : sql``;
  const rowsOf = (workspaceId: Sql) => sql`
    select ${SUMMARY} from workflow_executions e
    where e.workspace_id = ${workspaceId} ${byWorkflow} ${byStatus} ${from} ${to} ${before}`;
  return tx.many<ExecutionSummary>(newestFirst(filter.workspaceIds, filter.limit, rowsOf));
}

export type ExecutionStep = {
  nodeId: string;
  nodeType: string;
  iteration: string;
  attempt: number;
  status: string;
  seq: number;
  port: string | null;
  input: unknown;
  output: unknown;
  error: unknown;
  copiedFrom: string | null;
  startedAt: string;
  finishedAt: string | null;
  /** As of its execution. */
  payloadExpiredAt?: string;
};

/** `labels` are its own, beside the execution's. */
export type LabelledStep = ExecutionStep & { labels: string[] };

/** A page of steps ends with the step that reaches so many bytes of payload: 200 steps of 2 MB would be 400 MB. */
const PAGE_BYTES = 4_000_000;

/**
 * In the order in which they happened, after event `afterSeq`: at most `limit`, fewer when their payloads are big,
 * at least one when there is one. Payloads are measured one after the other and only until the page is full:
 * measuring means to decompress.
 */
export function listSteps(
  tx: Executor,
  executionId: string,
  page: { afterSeq: number; limit: number },
): Promise<LabelledStep[]> {
  return tx.many<LabelledStep>(sql`
    with recursive head as materialized (
      select row_number() over (order by seq) n, node_id, node_type, iteration, attempt, status, seq, port, input,
        output, error, labels, copied_from, started_at, finished_at
      from execution_steps
      where execution_id = ${executionId} and seq > ${page.afterSeq}
      order by seq limit ${page.limit}
    ),
    page (n, bytes) as (
      select 0::bigint, 0::bigint
      union all
      select h.n, p.bytes + coalesce(octet_length(h.input::text), 0) + coalesce(octet_length(h.output::text), 0)
        + coalesce(octet_length(h.error::text), 0)
      from page p join head h on h.n = p.n + 1
      where p.bytes < ${PAGE_BYTES}
    )
    select node_id "nodeId", node_type "nodeType", iteration, attempt, status, seq, port, input, output, error, labels,
      copied_from "copiedFrom", started_at "startedAt", finished_at "finishedAt"
    from head where n <= (select max(n) from page)
    order by n`);
}

export async function hasStepsAfter(tx: Executor, executionId: string, seq: number): Promise<boolean> {
  const row = await tx.one<{ more: boolean }>(sql`
    select exists (select from execution_steps where execution_id = ${executionId} and seq > ${seq}) more`);
  return row?.more ?? false;
}

/**
 * Cancels what is queued or waiting at once, asks the worker of what is running. Returns the status now, null
 * when it had ended already.
 */
export async function cancelExecution(
  tx: Executor,
  id: string,
  userId: string,
): Promise<ExecutionStatus | null> {
  const row = await tx.one<{ status: ExecutionStatus }>(sql`
    with cancelled as (
      update workflow_executions e
      set status = case when e.status = 'running' then 'running' else 'cancelled' end,
        error = case when e.status = 'running' then e.error else
          ${CANCELLED_ERROR} end,
        finished_at = case when e.status = 'running' then null else clock_timestamp() end,
        cancel_requested_at = coalesce(e.cancel_requested_at, clock_timestamp()),
        cancel_requested_by = coalesce(e.cancel_requested_by, ${userId}::uuid)
      where e.id = ${id} and e.status in ('queued', 'running', 'waiting')
      returning e.id, e.status, e.watched
    )
    select status, case when watched then pg_notify(${EXECUTION_CHANNEL}, id::text) end from cancelled`);
  return row?.status ?? null;
}

/** From now on changes of the execution are notified. */
export function markWatched(tx: Executor, id: string): Promise<number> {
  return tx.run(sql`
    update workflow_executions set watched = true
    where id = ${id} and not watched and status in ('queued', 'running', 'waiting')`);
}
