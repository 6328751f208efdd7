// What a scheduler writes of schedules that it holds: fires, skips, and when to look again.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type SlotFire = {
  id: string;
  scheduleId: string;
  workspaceId: string;
  /** ISO 8601. */
  slot: string;
  /** null: it is pending. */
  executionId: string | null;
  version: number | null;
};

/** Resolves to the ids of those whose slots nobody had dealt with. */
export async function insertSlotFires(tx: Executor, fires: readonly SlotFire[]): Promise<Set<string>> {
  if (fires.length === 0) return new Set();
  const inserted = await tx.many<{ id: string }>(sql`
    insert into schedule_fires (id, schedule_id, workspace_id, scheduled_for, kind, outcome, execution_id, version, fired_at)
    select f.id, f."scheduleId", f."workspaceId", f.slot, 'slot', case when f."executionId" is null then 'pending' else 'fired' end,
      f."executionId", f.version, clock_timestamp()
    from jsonb_to_recordset(${JSON.stringify(fires)}::jsonb) as f(id uuid, "scheduleId" uuid, "workspaceId" uuid,
      slot timestamptz, "executionId" uuid, version int)
    order by f."scheduleId", f.slot
    on conflict (schedule_id, scheduled_for) where kind <> 'manual' do nothing
    returning id`);
  return new Set(inserted.map(({ id }) => id));
}

export type SkipRow = {
  id: string;
  scheduleId: string;
  workspaceId: string;
  /** ISO 8601. */
  first: string;
  last: string;
  slots: number | null;
  reason: string;
  executionId: string | null;
};

export async function insertSkipRows(tx: Executor, skips: readonly SkipRow[]): Promise<void> {
  if (skips.length === 0) return;
  await tx.run(sql`
    insert into schedule_skips (id, schedule_id, workspace_id, first_slot, last_slot, slots, reason, execution_id)
    select k.id, k."scheduleId", k."workspaceId", k.first, k.last, k.slots, k.reason, k."executionId"
    from jsonb_to_recordset(${JSON.stringify(skips)}::jsonb) as k(id uuid, "scheduleId" uuid, "workspaceId" uuid,
      first timestamptz, last timestamptz, slots int, reason text, "executionId" uuid)
    order by k."scheduleId", k.id`);
}

/** Explains once why a slot that is due has not fired yet: its schedule cannot be read, or firing it fails. */
export async function explainStuck(
  tx: Executor,
  skip: Pick<SkipRow, "id" | "scheduleId" | "first" | "reason">,
): Promise<void> {
  await tx.run(sql`
    insert into schedule_skips (id, schedule_id, workspace_id, first_slot, last_slot, slots, reason)
    select ${skip.id}::uuid, s.id, s.workspace_id, ${skip.first}::timestamptz, ${skip.first}::timestamptz, 1, ${skip.reason}
    from schedules s
    where s.id = ${skip.scheduleId} and not exists (
      select from schedule_skips k where k.schedule_id = s.id and k.first_slot = ${skip.first} and k.reason = ${skip.reason})`);
}

export type Advance = {
  id: string;
  /** ISO 8601; null: nothing more will come. */
  nextRunAt: string | null;
  /** null: the one before stays. */
  lastExecutionId: string | null;
};

/** Of schedules that this transaction holds. */
export async function advanceSchedules(tx: Executor, advances: readonly Advance[]): Promise<void> {
  if (advances.length === 0) return;
  await tx.run(sql`
    update schedules s
    set next_run_at = a.next_run_at, last_execution_id = coalesce(a.last_execution_id, s.last_execution_id)
    from unnest(${advances.map(({ id }) => id)}::uuid[], ${advances.map((advance) => advance.nextRunAt)}::timestamptz[],
      ${advances.map((advance) => advance.lastExecutionId)}::uuid[]) as a (id, next_run_at, last_execution_id)
    where s.id = a.id`);
}

/** What schedules that are held have started last; of several of one, the last given. */
export async function noteStarted(
  tx: Executor,
  started: readonly { scheduleId: string; executionId: string }[],
): Promise<void> {
  const last = new Map(started.map(({ scheduleId, executionId }) => [scheduleId, executionId]));
  if (last.size === 0) return;
  await tx.run(sql`
    update schedules s set last_execution_id = l.execution_id
    from unnest(${[...last.keys()]}::uuid[], ${[...last.values()]}::uuid[]) as l (id, execution_id)
    where s.id = l.id`);
}
