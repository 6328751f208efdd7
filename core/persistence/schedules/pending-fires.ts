// Slots that wait until what their schedule started before has ended.
import type { FireKind, Overlap } from "../../domain/schedules/schedule.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

const NIL = "00000000-0000-0000-0000-000000000000";

export type PendingFire = {
  id: string;
  scheduleId: string;
  kind: FireKind;
  slot: number;
  askedBy: string | null;
};

export type ReadySchedule = {
  id: string;
  workspaceId: string;
  overlap: Overlap;
  /** Of its input as JSON text. */
  inputBytes: number;
};

/** `isReady`: the turn of one of its slots has come. Never of a schedule that is no more: an older api leaves such slots. */
export type WaitingSchedule = (ReadySchedule & { isReady: true }) | { id: string; isReady: false };

/**
 * Schedules with slots that wait and do not rest, in the order of their ids, those after `after`: fewer than `limit` only
 * when these are the last. Costs a look-up for each of them, not for each slot, and nothing for what rests with its schedule.
 */
export function findWaiting(
  database: Executor,
  { limit, after = NIL }: { limit: number; after?: string | undefined },
): Promise<WaitingSchedule[]> {
  return database.many(sql`
    with recursive waiting as (
      (select f.schedule_id, 1 as place from schedule_fires f
        where f.outcome = 'pending' and not (f.resting and f.kind = 'slot') and f.schedule_id > ${after}::uuid
        order by f.schedule_id limit 1)
      union all
      select next.schedule_id, w.place + 1 from waiting w cross join lateral (
        select f.schedule_id from schedule_fires f
        where f.outcome = 'pending' and not (f.resting and f.kind = 'slot') and f.schedule_id > w.schedule_id
        order by f.schedule_id limit 1) next
      where w.place < ${limit}::int
    )
    select w.schedule_id as id, s.workspace_id as "workspaceId", s.overlap, s.input_bytes as "inputBytes",
      s.id is not null and (s.overlap = 'allow' or not exists (
        select from workflow_executions e
        where e.id = s.last_execution_id and e.status in ('queued', 'running', 'waiting')))
      and (s.enabled or exists (
        select from schedule_fires f where f.schedule_id = s.id and f.outcome = 'pending' and f.kind <> 'slot'))
        as "isReady"
    from waiting w left join schedules s on s.id = w.schedule_id
    order by w.place`);
}

/** Of schedules that are held, the first slots that wait, of each at most as many as `most` says. */
export function findPending(
  tx: Executor,
  schedules: readonly { id: string; most: number }[],
): Promise<PendingFire[]> {
  return tx.many<PendingFire>(sql`
    select f.id, f.schedule_id as "scheduleId", f.kind, f.asked_by as "askedBy",
      floor(extract(epoch from f.scheduled_for) * 1000)::float8 as slot
    from unnest(${schedules.map(({ id }) => id)}::uuid[], ${schedules.map(({ most }) => most)}::int[]) as m (id, most)
    join schedules s on s.id = m.id
    cross join lateral (
      select * from schedule_fires p
      where p.schedule_id = s.id and p.outcome = 'pending' and (s.enabled or p.kind <> 'slot')
      order by p.scheduled_for limit case when s.overlap = 'allow' then m.most else 1 end) f
    order by f.schedule_id, f.scheduled_for`);
}

/** Of schedules that are held. */
export async function markFired(
  tx: Executor,
  fires: readonly { id: string; executionId: string; version: number }[],
): Promise<void> {
  if (fires.length === 0) return;
  await tx.run(sql`
    update schedule_fires f
    set outcome = 'fired', execution_id = m.execution_id, version = m.version, fired_at = clock_timestamp()
    from unnest(${fires.map(({ id }) => id)}::uuid[], ${fires.map((fire) => fire.executionId)}::uuid[],
      ${fires.map((fire) => fire.version)}::int[]) as m (id, execution_id, version)
    where f.id = m.id and f.outcome = 'pending'`);
}

/** All slots that wait of a schedule that is held. Resolves to how many they were. */
export function skipPending(tx: Executor, scheduleId: string, reason: string): Promise<number> {
  return tx.run(sql`
    update schedule_fires set outcome = 'skipped', reason = ${reason}, fired_at = clock_timestamp()
    where schedule_id = ${scheduleId} and outcome = 'pending'`);
}
