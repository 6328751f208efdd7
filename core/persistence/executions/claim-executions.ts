// Claims: many rings answered by one guarded update, lease and fence on the database clock.
import type { ClaimedExecution } from "../../domain/journal.ts";
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";
import { QUEUED } from "./bound-status.ts";
import { inMonthsOf } from "./months-of-ids.ts";

export type Claim = {
  ids: readonly string[];
  owner: string;
  leaseMs: number;
  /** Those over which so many workers died are left alone. */
  crashesBelow: number;
};

/** A look-up by key for each row, and no join: a row that is looked at again after a wait is judged again. */
const UNLIMITED = sql`and e.concurrency is null
  and (select w.max_concurrency from workspaces w where w.id = e.workspace_id) is null`;

/**
 * Claims those of `ids` that are queued and due for `owner`, as far as neither their workflow nor their workspace has a
 * limit. What is not returned was limited, somebody else's, not due or finished.
 */
export function claimExecutions(database: Executor, claim: Claim): Promise<ClaimedExecution[]> {
  return claimRows(database, claim, UNLIMITED);
}

/** Claims them whatever their limits: for a caller that has counted. */
export function claimAdmitted(tx: Executor, claim: Claim): Promise<ClaimedExecution[]> {
  return claimRows(tx, claim, sql``);
}

function claimRows(database: Executor, claim: Claim, filter: Sql): Promise<ClaimedExecution[]> {
  const months = inMonthsOf(claim.ids);
  return database.many<ClaimedExecution>(sql`
    with due as (
      select e.id from workflow_executions e
      where e.id = any(${claim.ids}::uuid[]) and e.status = ${QUEUED} and e.available_at <= clock_timestamp()
        and e.crash_count < ${claim.crashesBelow} ${filter} ${months}
      order by e.id for update of e
    )
    update workflow_executions e
    set status = 'running', held_by = null, fence = e.fence + 1, lease_owner = ${claim.owner},
      lease_until = clock_timestamp() + make_interval(secs => ${claim.leaseMs / 1000}::float8),
      started_at = coalesce(e.started_at, clock_timestamp())
    from due where e.id = due.id and e.id = any(${claim.ids}::uuid[]) ${months}
    returning e.id, e.workspace_id "workspaceId", e.workflow_id "workflowId", e.version, e.user_id "userId",
      e.root_id "rootId", e.parent_id "parentId", e.depth, e.trigger_type "triggerType", e.trigger_node "triggerNode", e.trigger, e.input,
      e.priority, e.band, e.wake, e.labels, e.fence, e.crash_count "crashCount", e.trace_parent "traceParent",
      e.cancel_requested_at is not null "cancelRequested",
      e.fence > 1 or e.retry_of is not null or e.fork_of is not null "hasHistory",
      e.started_at "startedAt", clock_timestamp() "claimedAt",
      extract(epoch from clock_timestamp() - e.available_at)::float8 "queuedSeconds"`);
}

/**
 * Which of `ids` are queued and due all the same: `suspects` have lost so many workers that they must run alone, the
 * others are limited.
 */
export async function findUnclaimed(
  database: Executor,
  ids: readonly string[],
  crashes: number,
): Promise<{ suspects: Set<string>; limited: string[] }> {
  const rows = await database.many<{ id: string; isSuspect: boolean }>(sql`
    select id, crash_count >= ${crashes} "isSuspect" from workflow_executions
    where id = any(${ids}::uuid[]) and status = ${QUEUED} and available_at <= clock_timestamp()`);
  const idsOf = (isSuspect: boolean) => rows.filter((row) => row.isSuspect === isSuspect).map(({ id }) => id);
  return { suspects: new Set(idsOf(true)), limited: idsOf(false) };
}

/** The graph of a version as saved; null when there is none. */
export async function loadVersionGraph(
  database: Executor,
  workflowId: string,
  version: number,
): Promise<unknown> {
  const row = await database.one<{ graph: unknown }>(sql`
    select graph from workflow_versions where workflow_id = ${workflowId} and version = ${version}`);
  return row?.graph ?? null;
}
