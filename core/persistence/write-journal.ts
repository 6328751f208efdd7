// Steps and finishes of many executions in one statement and one commit, each under its own fence.
import type { JournalWrite } from "../domain/journal.ts";
import type { Executor } from "./database.ts";
import { sql } from "./sql.ts";

/** The channel on which executions somebody waits for are named when they change. */
export const EXECUTION_CHANNEL = "atelier_executions";

/**
 * Writes a batch. Returns the ids that still were their writer's (running, same fence); the others wrote
 * nothing. One autocommitted statement that locks its rows first, in the order of their ids as every other
 * statement on many executions does: unordered, a renewal of leases and a batch of finishes stop each other until
 * PostgreSQL ends one of them a second later. A reaper that raises the fence waits or wins, never interleaves.
 *
 * A cancel that came while the worker ran ends what would wait: nobody else would look at it again.
 */
export async function writeJournal(database: Executor, batch: readonly JournalWrite[]): Promise<Set<string>> {
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
  const rows = await database.many<{ id: string }>(sql`
    with runs as (
      select * from jsonb_to_recordset(${JSON.stringify(runs)}::jsonb)
        as r(id uuid, fence int, status text, output jsonb, error jsonb)
    ),
    held as materialized (
      select e.id, e.workspace_id, e.watched, r.output, r.error,
        case when r.status = 'waiting' and e.cancel_requested_at is not null then 'cancelled'
          else r.status end status
      from workflow_executions e join runs r on e.id = r.id and e.fence = r.fence
      where e.status = 'running'
      order by e.id for no key update of e
    ),
    moved as (
      update workflow_executions e
      set status = held.status, output = held.output, error = coalesce(held.error, case when held.status = 'cancelled' then
          jsonb_build_object('code', 'cancelled', 'message', 'Cancelled on request') end),
        lease_owner = null, lease_until = null, available_at = clock_timestamp(), rung_at = clock_timestamp(),
        wake = e.wake + case when held.status = 'queued' then 1 else 0 end,
        finished_at = case when held.status in ('succeeded', 'failed', 'cancelled') then clock_timestamp() end
      from held
      where e.id = held.id and held.status is not null
    ),
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
      join held on held.id = w."executionId"
      on conflict (execution_id, node_id, iteration, attempt) do update
      set status = excluded.status, seq = excluded.seq, fence = excluded.fence, port = excluded.port,
        input = excluded.input, output = excluded.output, error = excluded.error,
        finished_at = excluded.finished_at
      where s.status in ('running', 'waiting')
    )
    select id, case when watched then pg_notify(${EXECUTION_CHANNEL}, id::text) end from held`);
  return new Set(rows.map((row) => row.id));
}
