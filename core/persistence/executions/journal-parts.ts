// What the journal's statement says more of when something in its batch suspends; nobody else pays for it.
import type { JournalWrite } from "../../domain/journal.ts";
import { type Sql, sql } from "../sql.ts";
import { CANCELLED_ERROR } from "./cancelled-error.ts";
import { othersBehind, peopleBehind } from "./people-behind.ts";

/** Whether a write holds anything the plain statement has no words for. */
export function suspends({ move, steps }: JournalWrite): boolean {
  return move?.to === "waiting" || steps.some((step) => step.state || step.wakeAt);
}

const nothing = sql``;

/** A cancel that came while the worker ran ends what would wait or be handed back: nobody else may look at it soon. */
const isCancelled = sql`(r.status in ('waiting', 'queued') and e.cancel_requested_at is not null)`;

export const PLAIN = {
  runColumns: nothing,
  move: sql`status = case when ${isCancelled} then 'cancelled' else r.status end,
    error = case when ${isCancelled} then ${CANCELLED_ERROR} else r.error end, available_at = clock_timestamp(),
    finished_at = case when r.status <> 'queued' or ${isCancelled} then clock_timestamp() end`,
  moved: nothing,
  kept: nothing,
  held: nothing,
  stepNames: nothing,
  stepValues: nothing,
  stepColumns: nothing,
  stepUpdate: nothing,
  stepAnswer: nothing,
  told: nothing,
};

/** What woke it while it ran is not lost: it is queued again, and finds in the journal what has happened. */
const isWoken = sql`coalesce(r.status = 'waiting' and e.wake > r.wake, false)`;

/**
 * Deaths of workers count against an execution until it has come as far as to wait: three within what it does between two
 * waits are its fault, three in the months that it may live are not.
 */
const crashesOf = sql`case when r.status = 'waiting' then 0 else e.crash_count end`;

export const SUSPENDING = {
  runColumns: sql`, "availableAt" timestamptz, wake int`,
  move: sql`status = case when ${isCancelled} then 'cancelled' when ${isWoken} then 'queued' else r.status end,
    error = case when ${isCancelled} then ${CANCELLED_ERROR} else r.error end,
    crash_count = ${crashesOf},
    available_at = case when r.status = 'waiting' and not ${isWoken} then coalesce(r."availableAt", 'infinity')
      else clock_timestamp() end,
    finished_at = case when r.status in ('succeeded', 'failed', 'cancelled') or ${isCancelled}
      then clock_timestamp() end`,
  moved: sql`, case when r.status = 'waiting' then e.status end told_status, e.wake told_wake, e.priority told_priority, e.band told_band`,
  kept: sql`, null, e.wake, e.priority, e.band`,
  held: sql`, told_status, told_wake, told_priority, told_band`,
  stepNames: sql`, wake_at, state`,
  stepValues: sql`, w."wakeAt", w.state`,
  stepColumns: sql`, "wakeAt" timestamptz, state jsonb`,
  stepUpdate: sql`, wake_at = excluded.wake_at,
        state = case when s.state ?| array['childId', 'approvalId'] then s.state else excluded.state end`,
  stepAnswer: sql`returning s.execution_id, s.node_id, s.iteration, s.state`,
  told: sql`, told_status status, told_wake wake, told_priority priority, told_band band`,
};

/** Made with the step that waits for it: a step's row has one state for good, so it has one child for good. */
export function makeChildren(batch: readonly JournalWrite[]): Sql {
  const children = childrenOf(batch);
  if (children.length === 0) return nothing;
  return sql`,
    made as (
      insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, trigger_type, trigger, input,
        labels, priority, band, concurrency, root_id, parent_id, parent_node, parent_iteration, depth, people_behind, rung_at)
      select c.id, p.workspace_id, c."workflowId", c.version, p.user_id, 'subworkflow',
        jsonb_build_object('executionId', p.id, 'nodeId', w.node_id), c.input,
        array(select distinct label from unnest(p.labels || coalesce(v.labels, '{}')) label order by label), p.priority,
        p.band, v.concurrency, c."rootId", p.id, w.node_id, w.iteration, p.depth + 1,
        ${othersBehind(sql`p`)}, clock_timestamp()
      from jsonb_to_recordset(${JSON.stringify(children)}::jsonb) as c(id uuid, "workflowId" uuid, version int,
        input jsonb, "rootId" uuid, "parentId" uuid)
      join written w on w.execution_id = c."parentId" and w.state ->> 'childId' = c.id::text
      join workflow_executions p on p.id = c."parentId"
      left join workflow_versions v on v.workflow_id = c."workflowId" and v.version = c.version
      on conflict (id) do nothing
      returning id, parent_id
    )`;
}

/** Which of them this statement has made: one that is written again finds them there. */
export function tellMade(batch: readonly JournalWrite[]): Sql {
  if (childrenOf(batch).length === 0) return nothing;
  return sql`, (select array_agg(id) from made where parent_id = held.id) "madeIds"`;
}

/** Asked with the step that waits for it, in whose row the answer is written. */
export function makeApprovals(batch: readonly JournalWrite[]): Sql {
  const approvals = batch.flatMap(({ executionId, steps }) =>
    steps.flatMap(({ approval, attempt }) => (approval ? [{ ...approval, executionId, attempt }] : [])),
  );
  if (approvals.length === 0) return nothing;
  return sql`,
    asked as (
      insert into approvals (id, workspace_id, execution_id, node_id, iteration, attempt, message, approvers, quorum,
        deadline, excluded_user_ids)
      select a.id, e.workspace_id, e.id, w.node_id, w.iteration, a.attempt, a.message, a.approvers, a.quorum, a.deadline,
        case when a."excludeRequester" then ${peopleBehind(sql`e`)} else '{}' end
      from jsonb_to_recordset(${JSON.stringify(approvals)}::jsonb) as a(id uuid, "executionId" uuid, attempt int,
        message text, approvers text[], quorum int, deadline timestamptz, "excludeRequester" boolean)
      join written w on w.execution_id = a."executionId" and w.state ->> 'approvalId' = a.id::text
      join workflow_executions e on e.id = a."executionId"
      on conflict (id) do nothing
    )`;
}

/** A step that gave up on its child: nobody waits for it any more. */
export function leaveChildren(batch: readonly JournalWrite[]): Sql {
  const left = batch.flatMap(({ executionId, steps }) =>
    steps.flatMap(({ status, state }) =>
      status === "failed" && state?.childId ? [{ executionId, childId: state.childId }] : [],
    ),
  );
  if (left.length === 0) return nothing;
  return sql`,
    "left" as (
      insert into pending_moves (execution_id, move)
      select l."childId", 'cancel'
      from jsonb_to_recordset(${JSON.stringify(left)}::jsonb) as l("executionId" uuid, "childId" uuid)
      where l."executionId" in (select id from held)
    )`;
}

/** The executions a batch wants made. */
export function childrenOf(batch: readonly JournalWrite[]) {
  return batch.flatMap(({ executionId, steps }) =>
    steps.flatMap(({ child }) => {
      if (!child) return [];
      const { execution, ...start } = child;
      const { priority, band } = execution;
      return [{ ...start, parentId: executionId, priority, band }];
    }),
  );
}
