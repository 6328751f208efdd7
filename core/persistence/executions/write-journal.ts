// Steps and finishes of many executions in one statement and one commit, each under its own fence.
import type { JournalWrite } from "../../domain/journal.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { RUNNING } from "./bound-status.ts";
import {
  childrenOf,
  leaveChildren,
  makeApprovals,
  makeChildren,
  PLAIN,
  SUSPENDING,
  suspends,
  tellMade,
} from "./journal-parts.ts";
import { inMonthsOf } from "./months-of-ids.ts";
import type { DueExecution } from "./rings.ts";
import { FAILED_COLUMNS, type GoneErrorWorkflow, startErrorWorkflows } from "./start-error-workflows.ts";

/** The channel on which executions somebody waits for are named when they change. */
export const EXECUTION_CHANNEL = "atelier_executions";

/**
 * `queued`: the children it is to make, and executions that were woken while they ran; they are to be rung. `made`: ids of
 * the children that were not there before.
 */
export type WrittenJournal = { held: Set<JournalWrite>; queued: DueExecution[]; made: Set<string> };

type HeldRow = {
  id: string;
  fence: number;
  status?: string;
  wake: number;
  priority: number;
  band: number;
  goneErrorWorkflowId?: string | null;
  madeIds?: string[] | null;
};

/**
 * Writes a batch. `held` are the writes that still were their writer's (running, same fence); the others wrote
 * nothing. One autocommitted statement: moves take the row lock by their update, mere step writes take a
 * share lock, so a reaper that raises the fence waits or wins, never interleaves. It takes its locks in no order
 * (ordering them first took twice as long), so whoever else locks several running rows must not wait for them.
 * Only a batch in which something fails looks for error workflows; `onGone` hears of those that are not there. Only
 * one in which something suspends says more than the plain statement. `owner` is the writer's: a failover that loses
 * commits gives a fence a second time, to somebody else.
 */
export async function writeJournal(
  database: Executor,
  batch: readonly JournalWrite[],
  onGone: (gone: GoneErrorWorkflow) => void = () => {},
  owner?: string,
): Promise<WrittenJournal> {
  const fails = batch.some((write) => write.move?.to === "failed");
  const part = batch.some(suspends) ? SUSPENDING : PLAIN;
  const ids = batch.map((write) => write.executionId);
  const months = inMonthsOf(ids);
  const owned = owner === undefined ? sql`` : sql` and e.lease_owner = ${owner}`;
  // Mostly all of a batch ends: then nobody looks for what stays, 3 % of the statement's time.
  const stays = batch.some((write) => !write.move);
  const kept = sql`kept as (
      select e.id, e.fence, e.workspace_id, e.watched${part.kept}
      from workflow_executions e join runs r on e.id = r.id and e.fence = r.fence
      where e.status = ${RUNNING} and r.status is null and e.id = any(${ids}::uuid[]) ${months}${owned}
      order by e.id for share of e
    ),`;
  const rows = await database.many<HeldRow>(sql`
    with runs as (
      select * from jsonb_to_recordset(${JSON.stringify(batch.map(toRun))}::jsonb)
        as r(id uuid, fence int, status text, output jsonb, error jsonb${part.runColumns})
    ),
    moved as (
      update workflow_executions e
      set ${part.move}, output = r.output, lease_owner = null, lease_until = null, rung_at = clock_timestamp(),
        wake = e.wake + case when r.status = 'queued' then 1 else 0 end
      from runs r
      where e.id = r.id and e.fence = r.fence and e.status = ${RUNNING} and r.status is not null
        and e.id = any(${ids}::uuid[]) ${months}${owned}
      returning e.id, e.fence, e.workspace_id, e.watched${part.moved} ${fails ? sql`, ${FAILED_COLUMNS}` : sql``}
    ),
    ${stays ? kept : sql``}
    held as (select id, fence, workspace_id, watched${part.held} from moved ${stays ? sql`union all select * from kept` : sql``}),
    written as (
      insert into execution_steps as s (execution_id, node_id, iteration, attempt, workspace_id, node_type,
        status, seq, fence, effect, idempotency_key, port, input, output, error, started_at, finished_at${part.stepNames})
      select w."executionId", w."nodeId", w.iteration, w.attempt, held.workspace_id, w."nodeType",
        w.status, w.seq, w.fence, w.effect, w."idempotencyKey", w.port, w.input, w.output, w.error,
        w."startedAt", w."finishedAt"${part.stepValues}
      from jsonb_to_recordset(${JSON.stringify(batch.flatMap(toSteps))}::jsonb) as w("executionId" uuid, "nodeId" text,
        iteration text, attempt int, "nodeType" text, status text, seq int, fence int, effect text,
        "idempotencyKey" text, port text, input jsonb, output jsonb, error jsonb,
        "startedAt" timestamptz, "finishedAt" timestamptz${part.stepColumns})
      join held on held.id = w."executionId" and held.fence = w.fence
      on conflict (execution_id, node_id, iteration, attempt) do update
      set status = excluded.status, seq = excluded.seq, fence = excluded.fence, port = excluded.port,
        input = excluded.input, output = excluded.output, error = excluded.error,
        finished_at = excluded.finished_at${part.stepUpdate}
      where s.status in ('running', 'waiting')
      ${part.stepAnswer}
    )${makeChildren(batch)}${makeApprovals(batch)}${leaveChildren(batch)}
    ${fails ? sql`, ${startErrorWorkflows(sql`moved`)}` : sql``}
    select id, fence${part.told}, case when watched then pg_notify(${EXECUTION_CHANNEL}, id::text) end
      ${tellMade(batch)}${fails ? sql`, (select error_workflow_id from heirs where failed_id = held.id and version_to_run is null) "goneErrorWorkflowId"` : sql``}
    from held`);
  for (const { id, goneErrorWorkflowId } of rows) {
    if (goneErrorWorkflowId) onGone({ executionId: id, errorWorkflowId: goneErrorWorkflowId });
  }
  return writtenOf(batch, rows);
}

function writtenOf(batch: readonly JournalWrite[], rows: readonly HeldRow[]): WrittenJournal {
  const fences = new Map(rows.map((row) => [row.id, row.fence]));
  const held = batch.filter((write) => fences.get(write.executionId) === write.fence);
  const woken = rows.filter((row) => row.status === "queued");
  const made = childrenOf(held).map(({ id, priority, band }) => ({ id, wake: 0, priority, band }));
  return {
    held: new Set(held),
    made: new Set(rows.flatMap((row) => row.madeIds ?? [])),
    queued: [...woken.map(({ id, wake, priority, band }) => ({ id, wake, priority, band })), ...made],
  };
}

/**
 * Whether what this write is to move has been moved by it before: it was committed, and the answer was lost. Only who
 * holds the fence moves an execution and leaves the fence as it is. What waits may have been woken since.
 */
export async function hasMoved(
  database: Executor,
  { executionId, fence, move }: JournalWrite,
): Promise<boolean> {
  if (!move) return false;
  const ends = { waiting: ["waiting", "queued", "cancelled"], queued: ["queued", "cancelled"] };
  const statuses = move.to === "waiting" || move.to === "queued" ? ends[move.to] : [move.to];
  const row = await database.one<{ moved: boolean }>(sql`
    select true moved from workflow_executions e
    where e.id = ${executionId} and e.fence = ${fence} and e.status = any(${statuses}) ${inMonthsOf([executionId])}`);
  return row !== null;
}

function toRun({ executionId, fence, move }: JournalWrite) {
  return {
    id: executionId,
    fence,
    status: move?.to ?? null,
    output: move?.output ?? null,
    error: move?.error ?? null,
    ...(move?.to === "waiting" && { availableAt: move.availableAt, wake: move.wake }),
  };
}

function toSteps({ executionId, fence, steps }: JournalWrite) {
  return steps.map((step) => ({
    ...step,
    child: undefined,
    approval: undefined,
    expired: undefined,
    executionId,
    fence,
  }));
}
