// The error workflow of what has just failed, started by the very statement that failed it: once, or not at all.
import { type Sql, sql } from "../sql.ts";
import { othersBehind } from "./people-behind.ts";

/** The execution whose error workflow is archived, deleted or elsewhere: nothing was started for it. */
export type GoneErrorWorkflow = { executionId: string; errorWorkflowId: string };

/** What the statement must return of `workflow_executions e` for the rows it failed. */
export const FAILED_COLUMNS = sql`e.workflow_id, e.version, e.user_id, e.trigger_type, e.parent_id, e.labels,
  e.priority, e.band, e.status, e.error, ${othersBehind(sql`e`)} people_behind`;

/** What runs because of an error, itself or on behalf of its parents, starts no error workflow: that would never end. */
const ON_ERROR_ALREADY = sql`f.trigger_type = 'error' or exists (
  with recursive line as (
    select p.parent_id, p.trigger_type from workflow_executions p where p.id = f.parent_id
    union all
    select p.parent_id, p.trigger_type from workflow_executions p join line on p.id = line.parent_id
  )
  select from line where trigger_type = 'error')`;

/** A UUIDv7 of the database's clock; PostgreSQL has a function of its own from 18 on. */
const NEW_ID = sql`encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) placing
  substring(int8send(floor(extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1),
  'hex')::uuid`;

/** As saved; what is no UUID, in a graph that came another way, must not keep the execution from failing. */
const ASKED_ID = sql`case when a.error_workflow_id ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$'
  then a.error_workflow_id::uuid end`;

/**
 * Three CTEs for the end of a statement that has failed the rows of `moved`, a CTE with `id`, `workspace_id` and
 * FAILED_COLUMNS: `heirs` are the error workflows asked for, those without a `version_to_run` are gone; `started`
 * inserts the rest, acting as the failed one's person and with the people behind it. Never rung, they are found by the scheduler's next pass.
 */
export function startErrorWorkflows(moved: Sql): Sql {
  return sql`
    heirs as (
      select f.id failed_id, f.workspace_id, f.user_id, f.people_behind, f.priority, f.band, f.labels, w.id handler_id, w.version version_to_run,
        a.error_workflow_id,
        jsonb_build_object('executionId', f.id, 'workflowId', f.workflow_id, 'version', f.version, 'error', f.error) input
      from ${moved} f
      join workflow_versions v on v.workflow_id = f.workflow_id and v.version = f.version
      -- Once: unpacking a graph of 1,000 nodes for each mention of it took 2.2 ms a failure instead of 0.9.
      cross join lateral (select v.graph #>> '{settings,errorWorkflowId}' error_workflow_id offset 0) a
      left join workflows w on w.id = ${ASKED_ID}
        and w.workspace_id = f.workspace_id and w.archived_at is null
      where f.status = 'failed' and a.error_workflow_id is not null
        and not (${ON_ERROR_ALREADY})
    ),
    fresh as materialized (select h.*, ${NEW_ID} new_id from heirs h where version_to_run is not null),
    started as (
      insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, trigger_type, trigger, input,
        labels, priority, band, concurrency, root_id, people_behind, rung_at)
      select h.new_id, h.workspace_id, h.handler_id, h.version_to_run, h.user_id, 'error',
        jsonb_build_object('executionId', h.failed_id), h.input,
        array(select distinct label from unnest(h.labels || v.labels) label order by label), h.priority, h.band, v.concurrency,
        h.new_id, h.people_behind, to_timestamp(0)
      from fresh h
      join workflow_versions v on v.workflow_id = h.handler_id and v.version = h.version_to_run
    )`;
}
