// Claims within limits: under one lock per workspace the running ones are counted, and who is first in line goes first.
import { admit, type InLine } from "../../domain/admit.ts";
import type { ClaimedExecution } from "../../domain/journal.ts";
import { type Database, type Executor, NOBODY } from "../database.ts";
import { type Sql, sql } from "../sql.ts";
import { QUEUED } from "./bound-status.ts";
import { type Claim, claimAdmitted } from "./claim-executions.ts";
import type { DueExecution } from "./rings.ts";

/** `called`: there is room for them as well; they are to be rung after the commit. */
export type LimitedClaim = { claimed: ClaimedExecution[]; called: DueExecution[] };

/**
 * Claims at most as many as `claim.ids`, never more than the limits allow, however many workers claim at once. Those
 * that were refused before and wait longer (or have a higher priority) go first, so what is claimed may be others than
 * were asked for. Who is refused is held: no ring leads to it until a place is free.
 */
export function claimWithinLimits(database: Database, claim: Claim): Promise<LimitedClaim> {
  return database.transaction(NOBODY, async (tx) => {
    await lockLines(
      tx,
      sql`select distinct workspace_id id from workflow_executions where id = any(${claim.ids}::uuid[])`,
    );
    const line = await findLine(tx, claim);
    const { admitted, called, held } = admit(line, claim.ids.length);
    const known = new Map(line.map((one) => [one.id, one]));
    const claimed = admitted.length > 0 ? await claimAdmitted(tx, { ...claim, ids: admitted }) : [];
    // Who stands in the same line as before is not written again.
    await hold(
      tx,
      held.filter(({ id, heldBy }) => known.get(id)?.isAsked || known.get(id)?.heldBy !== heldBy),
    );
    const rung = called.length > 0 ? await callQueued(tx, sql`select unnest(${called}::uuid[]) id`) : [];
    return { claimed: claimed.map((execution) => ({ ...execution, isLimited: true })), called: rung };
  });
}

/**
 * To be called when limited executions have let go: who is next in the lines of their workflows and workspaces, one for
 * each of them; they are to be rung.
 */
export function callNext(
  database: Database,
  ended: readonly { workspaceId: string; workflowId: string }[],
): Promise<DueExecution[]> {
  const workspaceIds = ended.map(({ workspaceId }) => workspaceId);
  const lines = [...workspaceIds, ...ended.map(({ workflowId }) => workflowId)];
  return database.transaction(NOBODY, async (tx) => {
    // Without the lock, one that is being refused at this moment would be seen by nobody.
    await lockLines(tx, sql`select unnest(${workspaceIds}::uuid[]) id`);
    return callQueued(
      tx,
      sql`
      select next.id
      from (select held_by, count(*) places from unnest(${lines}::uuid[]) held_by group by held_by) line
      cross join lateral (
        select e.id from workflow_executions e
        where e.held_by = line.held_by and e.status = 'queued' and e.rung_at = 'infinity'
        order by e.priority desc, e.id limit line.places) next`,
    );
  });
}

/** One lock for all lines of a workspace: an execution may stand in the line of its workflow or of its workspace. */
async function lockLines(tx: Executor, workspaceIds: Sql): Promise<void> {
  await tx.run(sql`
    select pg_advisory_xact_lock(hashtext('atelier-lines'), line)
    from (select distinct hashtext(id::text) line from (${workspaceIds}) w order by line) lines`);
}

type LinePlace = InLine & { isAsked: boolean; heldBy: string | null };

function findLine(tx: Executor, claim: Claim): Promise<LinePlace[]> {
  const isDue = sql`e.available_at <= clock_timestamp() and e.crash_count < ${claim.crashesBelow}`;
  return tx.many<LinePlace>(sql`
    with asked as (
      select e.id, e.workspace_id, e.workflow_id, e.concurrency, e.priority, e.held_by
      from workflow_executions e where e.id = any(${claim.ids}::uuid[]) and e.status = ${QUEUED}
        and ${isDue}
    ),
    ahead as (
      select e.* from (select workflow_id line from asked union select workspace_id from asked) lines
      cross join lateral (
        select e.id, e.workspace_id, e.workflow_id, e.concurrency, e.priority, e.held_by
        from workflow_executions e where e.held_by = lines.line and e.status = 'queued'
          and ${isDue}
        order by e.priority desc, e.id limit ${claim.ids.length}) e
    ),
    line as (select * from asked union select * from ahead),
    workspace as materialized (
      select w.id, w.max_concurrency, (select count(*) from workflow_executions r
        where r.workspace_id = w.id and r.status = 'running' and w.max_concurrency is not null) running
      from workspaces w where w.id in (select workspace_id from line)
    ),
    workflow as materialized (
      select f.*, (select count(*) from workflow_executions r
        where r.workspace_id = f.workspace_id and r.workflow_id = f.workflow_id and r.status = 'running') running
      from (select distinct workspace_id, workflow_id from line where concurrency is not null) f
    )
    select l.id, l.workspace_id "workspaceId", l.workflow_id "workflowId", l.concurrency "workflowLimit",
      w.max_concurrency "workspaceLimit", coalesce(f.running, 0) "workflowRunning",
      coalesce(w.running, 0) "workspaceRunning", l.held_by "heldBy", l.id in (select id from asked) "isAsked"
    from line l
    left join workspace w on w.id = l.workspace_id
    left join workflow f on f.workflow_id = l.workflow_id
    order by l.priority desc, l.id`);
}

async function hold(tx: Executor, held: readonly { id: string; heldBy: string }[]): Promise<void> {
  if (held.length === 0) return;
  // Rung never: recovery does not look for it in the queue.
  await tx.run(sql`
    update workflow_executions e set held_by = h.held_by, rung_at = 'infinity'
    from unnest(${held.map(({ id }) => id)}::uuid[], ${held.map(({ heldBy }) => heldBy)}::uuid[]) h (id, held_by)
    where e.id = h.id and e.status = 'queued'`);
}

/** Gives those of `ids` (a select of `id`) that are still queued a ring of their own; recovery sees to it from now on. */
export function callQueued(executor: Executor, ids: Sql): Promise<DueExecution[]> {
  return executor.many<DueExecution>(sql`
    with called as (
      select e.id from workflow_executions e
      where e.id in (${ids}) and e.status = 'queued'
      order by e.id for no key update of e skip locked
    )
    update workflow_executions e set rung_at = clock_timestamp(), wake = e.wake + 1
    from called where e.id = called.id
    returning e.id, e.wake, e.priority, e.band`);
}
