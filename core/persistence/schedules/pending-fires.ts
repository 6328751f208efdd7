// Slots that wait until what their schedule started before has ended.
import type { FireKind } from "../../domain/schedules/schedule.ts";
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type PendingFire = {
  id: string;
  scheduleId: string;
  kind: FireKind;
  slot: number;
  askedBy: string | null;
};

/**
 * Schedules with a slot whose turn has come, at most `limit`. Costs a look-up for each schedule with slots that wait, not
 * for each slot. What the clock has queued rests while its schedule is paused; what a person asked for does not.
 */
export async function findReadySchedules(database: Executor, limit: number): Promise<string[]> {
  const rows = await database.many<{ id: string }>(sql`
    with recursive waiting as (
      (select schedule_id from schedule_fires where outcome = 'pending' order by schedule_id limit 1)
      union all
      select (select f.schedule_id from schedule_fires f
        where f.outcome = 'pending' and f.schedule_id > w.schedule_id order by f.schedule_id limit 1)
      from waiting w where w.schedule_id is not null
    )
    select s.id from waiting w join schedules s on s.id = w.schedule_id
    where (s.overlap = 'allow' or not exists (
        select from workflow_executions e
        where e.id = s.last_execution_id and e.status in ('queued', 'running', 'waiting')))
      and (s.enabled or exists (
        select from schedule_fires f where f.schedule_id = s.id and f.outcome = 'pending' and f.kind <> 'slot'))
    limit ${limit}`);
  return rows.map(({ id }) => id);
}

/** Of schedules that are held, the first slots that wait: one each, or up to `most` where they may overlap. */
export function findPending(tx: Executor, ids: readonly string[], most: number): Promise<PendingFire[]> {
  return tx.many<PendingFire>(sql`
    select f.id, f.schedule_id as "scheduleId", f.kind, f.asked_by as "askedBy",
      floor(extract(epoch from f.scheduled_for) * 1000)::float8 as slot
    from schedules s cross join lateral (
      select * from schedule_fires p
      where p.schedule_id = s.id and p.outcome = 'pending' and (s.enabled or p.kind <> 'slot')
      order by p.scheduled_for limit case when s.overlap = 'allow' then ${most}::int else 1 end) f
    where s.id = any(${ids}::uuid[])
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
