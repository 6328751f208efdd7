// The safety net of the lines: who waits at a limit that has room, because who should have called it died.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { callQueued } from "./claim-limited.ts";
import type { DueExecution } from "./rings.ts";

/** Of one line at a time. */
const FROM_LINE = 100;

/**
 * The next ones of every line with room; they are to be rung. It looks at the head of each line only, however long it is.
 * A limit that was taken away is room for everybody.
 */
export function callHeld(database: Executor, limit: number): Promise<DueExecution[]> {
  return callQueued(
    database,
    sql`
    with recursive lines (line) as (
      (select e.held_by from workflow_executions e where e.status = 'queued' and e.held_by is not null
        order by e.held_by limit 1)
      union all
      select (select e.held_by from workflow_executions e where e.status = 'queued' and e.held_by > l.line
        order by e.held_by limit 1)
      from lines l where l.line is not null
    ),
    heads as (
      select l.line, h.workspace_id, h.workflow_id, h.concurrency
      from lines l
      cross join lateral (
        select e.workspace_id, e.workflow_id, e.concurrency, e.rung_at from workflow_executions e
        where e.held_by = l.line and e.status = 'queued'
        order by e.priority desc, e.id limit 1) h
      where h.rung_at = 'infinity'
    ),
    rooms as (
      select h.line, case when h.line = h.workflow_id
        then h.concurrency - (select count(*) from workflow_executions r
          where r.workspace_id = h.workspace_id and r.workflow_id = h.workflow_id and r.status = 'running')
        else w.max_concurrency - (select count(*) from workflow_executions r
          where r.workspace_id = h.workspace_id and r.status = 'running') end room
      from heads h left join workspaces w on w.id = h.workspace_id
    )
    select next.id from rooms
    cross join lateral (
      select e.id from workflow_executions e
      where e.held_by = rooms.line and e.status = 'queued' and e.rung_at = 'infinity'
      order by e.priority desc, e.id limit greatest(0, least(coalesce(rooms.room, ${FROM_LINE}), ${FROM_LINE}))) next
    limit ${limit}`,
  );
}
