// Schedules: when which workflow runs, with which input, in whose name.
import type { Misfire, Overlap, Timing } from "../../domain/schedules/schedule.ts";
import type { Executor } from "../database.ts";
import { newestFirst } from "../newest-first.ts";
import { type Sql, sql } from "../sql.ts";

/** What people decide about a schedule, but its input. */
export type ScheduleSettings = Timing & {
  workflowId: string;
  name: string;
  /** The trigger node to start at; null: the version's own. */
  trigger: string | null;
  misfire: Misfire;
  overlap: Overlap;
  enabled: boolean;
  /** A slot that is later than this is missed. */
  toleranceMs: number;
  /** What is later than this is not made up for; null: however late. */
  maxLatenessMs: number | null;
};

export type ScheduleSummary = ScheduleSettings & {
  id: string;
  workspaceId: string;
  /** In whose name it runs. */
  ownerId: string;
  /** Others who have changed what it starts or when, and who owned it before. */
  editors: string[];
  /** Counts the edits. */
  revision: number;
  /** The next slot nobody has looked at, ISO 8601; null: none will come, or it is paused. */
  nextRunAt: string | null;
  /** How late that slot is by the database's clock; 0 while it is still to come. */
  lateMs: number;
  workflowArchived: boolean;
  lastExecutionId: string | null;
  createdAt: string;
  updatedAt: string;
};

export type Schedule = ScheduleSummary & { input: unknown };

const SUMMARY = sql`s.id, s.workspace_id as "workspaceId", s.workflow_id as "workflowId", s.owner_id as "ownerId",
  array_remove(s.editors, s.owner_id) as editors, s.name,
  s.cron, s.run_at as "runAt", s.timezone, s.start_at as "startAt", s.end_at as "endAt", s.trigger_node as "trigger", s.misfire,
  s.overlap, s.enabled, s.tolerance_ms as "toleranceMs", s.max_lateness_ms as "maxLatenessMs", s.revision,
  case when s.enabled then s.next_run_at end as "nextRunAt",
  case when s.enabled and s.next_run_at < now()
    then floor(extract(epoch from now() - s.next_run_at) * 1000)::bigint else 0::bigint end as "lateMs",
  (select w.archived_at is not null from workflows w where w.id = s.workflow_id) as "workflowArchived",
  s.last_execution_id as "lastExecutionId", s.created_at as "createdAt", s.updated_at as "updatedAt"`;

export function findSchedule(tx: Executor, id: string): Promise<Schedule | null> {
  return tx.one<Schedule>(sql`select ${SUMMARY}, s.input from schedules s where s.id = ${id}`);
}

/** Holds the row until the transaction ends: against other edits and against schedulers that would fire it. */
export function lockSchedule(tx: Executor, id: string): Promise<Schedule | null> {
  return tx.one<Schedule>(
    sql`select ${SUMMARY}, s.input from schedules s where s.id = ${id} for no key update`,
  );
}

export type ListSchedules = {
  workspaceIds: readonly string[];
  workflowId?: string | undefined;
  enabled?: boolean | undefined;
  /** Late by more than their tolerance. */
  overdue?: boolean | undefined;
  /** The last id of the page before. */
  before?: string | undefined;
  limit: number;
};

/** Newest first, without their inputs. */
export function listSchedules(tx: Executor, page: ListSchedules): Promise<ScheduleSummary[]> {
  const { workflowId, enabled, overdue, before } = page;
  const ofWorkflow = workflowId === undefined ? sql`` : sql`and s.workflow_id = ${workflowId}`;
  const switched = enabled === undefined ? sql`` : sql`and s.enabled = ${enabled}`;
  const isOverdue = sql`(s.enabled and s.next_run_at is not null
    and s.next_run_at < now() - make_interval(secs => s.tolerance_ms / 1000.0))`;
  const late = overdue === undefined ? sql`` : overdue ? sql`and ${isOverdue}` : sql`and not ${isOverdue}`;
  const older = before === undefined ? sql`` : sql`and s.id < ${before}`;
  const rowsOf = (workspaceId: Sql) => sql`
    select ${SUMMARY} from schedules s
    where s.workspace_id = ${workspaceId} ${ofWorkflow} ${switched} ${late} ${older}`;
  return tx.many<ScheduleSummary>(newestFirst(page.workspaceIds, page.limit, rowsOf));
}

/** How many it has. Other transactions that count this workspace's wait until this one ends. */
export async function countSchedules(tx: Executor, workspaceId: string): Promise<number> {
  await tx.run(sql`select pg_advisory_xact_lock(hashtext('schedules'), hashtext(${workspaceId}))`);
  const row = await tx.one<{ count: number }>(
    sql`select count(*) as count from schedules where workspace_id = ${workspaceId}`,
  );
  return row?.count ?? 0;
}

export type NewSchedule = ScheduleSettings & {
  id: string;
  workspaceId: string;
  ownerId: string;
  input: unknown;
  nextRunAt: string | null;
};

export async function insertSchedule(tx: Executor, row: NewSchedule): Promise<void> {
  await tx.run(sql`
    insert into schedules (id, workspace_id, owner_id, workflow_id, name, cron, run_at, timezone, start_at, end_at,
      trigger_node, misfire, overlap, enabled, tolerance_ms, max_lateness_ms, input, next_run_at)
    values (${row.id}, ${row.workspaceId}, ${row.ownerId}, ${row.workflowId}, ${row.name}, ${row.cron}, ${row.runAt},
      ${row.timezone}, ${row.startAt}, ${row.endAt}, ${row.trigger}, ${row.misfire}, ${row.overlap}, ${row.enabled},
      ${row.toleranceMs}, ${row.maxLatenessMs}, ${JSON.stringify(row.input)}::jsonb, ${row.nextRunAt})`);
}

export type ScheduleUpdate = ScheduleSettings & {
  id: string;
  input: unknown;
  nextRunAt: string | null;
};

/**
 * Raises the revision: whoever has read it before fires nothing by it. Throws `too_many_editors` for another editor of what
 * a hundred have edited.
 */
export async function updateSchedule(tx: Executor, row: ScheduleUpdate): Promise<void> {
  await tx.run(sql`
    update schedules set workflow_id = ${row.workflowId}, name = ${row.name}, cron = ${row.cron}, run_at = ${row.runAt},
      timezone = ${row.timezone}, start_at = ${row.startAt}, end_at = ${row.endAt}, trigger_node = ${row.trigger},
      misfire = ${row.misfire}, overlap = ${row.overlap}, enabled = ${row.enabled}, tolerance_ms = ${row.toleranceMs},
      max_lateness_ms = ${row.maxLatenessMs}, input = ${JSON.stringify(row.input)}::jsonb,
      next_run_at = ${row.nextRunAt}, revision = revision + 1, updated_at = now()
    where id = ${row.id}`);
}

/**
 * One that is held; a trigger takes the slots that wait. Its history is out of sight, and swept by its age; what it has
 * started stays and runs on.
 */
export async function deleteSchedule(tx: Executor, id: string): Promise<void> {
  await tx.run(sql`delete from schedules where id = ${id}`);
}

/** Milliseconds since the epoch: all times of schedules are judged by the database's clock. */
export async function readClock(tx: Executor): Promise<number> {
  const row = await tx.one<{ now: number }>(
    sql`select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now`,
  );
  return row?.now ?? Date.now();
}
