// Steps and finishes of many executions in one statement and one commit, each under its own fence.
import type { JournalWrite } from "../../domain/journal.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { CANCELLED_ERROR } from "./cancelled-error.ts";
import { FAILED_COLUMNS, type GoneErrorWorkflow, startErrorWorkflows } from "./start-error-workflows.ts";

/** The channel on which executions somebody waits for are named when they change. */
export const EXECUTION_CHANNEL = "atelier_executions";

/** A cancel that came while the worker ran ends what would wait: nobody else would look at it again. */
const endsWait = sql`(r.status = 'waiting' and e.cancel_requested_at is not null)`;

/**
 * Writes a batch. Returns the writes that still were their writer's (running, same fence); the others wrote
 * nothing. One autocommitted statement: moves take the row lock by their update, mere step writes take a
 * share lock, so a reaper that raises the fence waits or wins, never interleaves. It takes its locks in no order
 * (ordering them first took twice as long), so whoever else locks several running rows must not wait for them.
 * Only a batch in which something fails looks for error workflows; `onGone` hears of those that are not there.
 */
export async function writeJournal(
  database: Executor,
  batch: readonly JournalWrite[],
  onGone: (gone: GoneErrorWorkflow) => void = () => {},
): Promise<Set<JournalWrite>> {
  const runs = batch.map((write) => ({
    id: write.executionId,
    fence: write.fence,
    status: write.move?.to ?? null,
    output: write.move?.output ?? null,
    error: write.move?.error ?? null,
  }));
  const steps = batch.flatMap((write) =>
    write.steps.map((step) => ({ ...step, executionId: write.executionId, fence: write.fence })),
  );
  const fails = batch.some((write) => write.move?.to === "failed");
  type Row = { id: string; fence: number; goneErrorWorkflowId?: string | null };
  const rows = await database.many<Row>(sql`
    with runs as (
      select * from jsonb_to_recordset(${JSON.stringify(runs)}::jsonb)
        as r(id uuid, fence int, status text, output jsonb, error jsonb)
    ),
    moved as (
      update workflow_executions e
      set status = case when ${endsWait} then 'cancelled' else r.status end, output = r.output,
        error = case when ${endsWait} then ${CANCELLED_ERROR} else r.error end, lease_owner = null, lease_until = null,
        available_at = clock_timestamp(), rung_at = clock_timestamp(),
        wake = e.wake + case when r.status = 'queued' then 1 else 0 end,
        finished_at = case when r.status in ('succeeded', 'failed', 'cancelled') or ${endsWait}
          then clock_timestamp() end
      from runs r
      where e.id = r.id and e.fence = r.fence and e.status = 'running' and r.status is not null
      returning e.id, e.fence, e.workspace_id, e.watched ${fails ? sql`, ${FAILED_COLUMNS}` : sql``}
    ),
    kept as (
      select e.id, e.fence, e.workspace_id, e.watched
      from workflow_executions e join runs r on e.id = r.id and e.fence = r.fence
      where e.status = 'running' and r.status is null
      order by e.id for share of e
    ),
    held as (select id, fence, workspace_id, watched from moved union all select * from kept),
    written as (
      insert into execution_steps as s (execution_id, node_id, iteration, attempt, workspace_id, node_type,
        status, seq, fence, effect, idempotency_key, port, input, output, error, started_at, finished_at)
      select w."executionId", w."nodeId", w.iteration, w.attempt, held.workspace_id, w."nodeType",
        w.status, w.seq, w.fence, w.effect, w."idempotencyKey", w.port, w.input, w.output, w.error,
        w."startedAt", w."finishedAt"
      from jsonb_to_recordset(${JSON.stringify(steps)}::jsonb) as w("executionId" uuid, "nodeId" text,
        iteration text, attempt int, "nodeType" text, status text, seq int, fence int, effect text,
        "idempotencyKey" text, port text, input jsonb, output jsonb, error jsonb,
        "startedAt" timestamptz, "finishedAt" timestamptz)
      join held on held.id = w."executionId" and held.fence = w.fence
      on conflict (execution_id, node_id, iteration, attempt) do update
      set status = excluded.status, seq = excluded.seq, fence = excluded.fence, port = excluded.port,
        input = excluded.input, output = excluded.output, error = excluded.error,
        finished_at = excluded.finished_at
      where s.status in ('running', 'waiting')
    )
    ${fails ? sql`, ${startErrorWorkflows(sql`moved`)}` : sql``}
    select id, fence, case when watched then pg_notify(${EXECUTION_CHANNEL}, id::text) end
      ${fails ? sql`, (select error_workflow_id from heirs where failed_id = held.id and version_to_run is null) "goneErrorWorkflowId"` : sql``}
    from held`);
  for (const { id, goneErrorWorkflowId } of rows) {
    if (goneErrorWorkflowId) onGone({ executionId: id, errorWorkflowId: goneErrorWorkflowId });
  }
  const fences = new Map(rows.map((row) => [row.id, row.fence]));
  return new Set(batch.filter((write) => fences.get(write.executionId) === write.fence));
}
