// Fires that people ask for: now, or for slots of the past that have not fired.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type NewFire = {
  id: string;
  /** ISO 8601. */
  scheduledFor: string;
  /** null: it is pending, and started in its turn. */
  executionId: string | null;
};

type FiresByHand = {
  schedule: { id: string; workspaceId: string };
  kind: "manual" | "backfill";
  askedBy: string;
  /** The version they run; null while they are pending. */
  version: number | null;
  fires: readonly NewFire[];
};

/**
 * Those of the fires whose slots had not fired and wait for nothing; the others are left alone. In the order of their
 * slots, so that two who ask for the same meet at the first. A slot that was given up on may be made up for.
 */
export function insertFires(
  tx: Executor,
  { schedule, kind, askedBy, version, fires }: FiresByHand,
): Promise<NewFire[]> {
  return tx.many<NewFire>(sql`
    insert into schedule_fires as f (id, workspace_id, schedule_id, kind, outcome, scheduled_for, execution_id, version,
      asked_by, fired_at)
    select n.id, ${schedule.workspaceId}, ${schedule.id}, ${kind}, case when n."executionId" is null then 'pending' else 'fired' end,
      n."scheduledFor", n."executionId", ${version}, ${askedBy}, clock_timestamp()
    from jsonb_to_recordset(${JSON.stringify(fires)}::jsonb) as n(id uuid, "scheduledFor" timestamptz, "executionId" uuid)
    order by n."scheduledFor"
    on conflict (schedule_id, scheduled_for) where kind <> 'manual' do update
      set id = excluded.id, kind = excluded.kind, outcome = excluded.outcome, reason = null, version = excluded.version,
        execution_id = excluded.execution_id, asked_by = excluded.asked_by, fired_at = excluded.fired_at
      where f.outcome = 'skipped'
    returning id, scheduled_for as "scheduledFor", execution_id as "executionId"`);
}

/** How many slots of a schedule wait for their turn. */
export async function countPending(tx: Executor, scheduleId: string): Promise<number> {
  const row = await tx.one<{ count: number }>(
    sql`select count(*) as count from schedule_fires where schedule_id = ${scheduleId} and outcome = 'pending'`,
  );
  return row?.count ?? 0;
}

/** Slots of the schedule that have fired or wait for their turn, `from` (ISO 8601) and later ones; ms since the epoch. */
export async function findTakenFrom(tx: Executor, scheduleId: string, from: string): Promise<Set<number>> {
  const rows = await tx.many<{ slot: number }>(sql`
    select floor(extract(epoch from scheduled_for) * 1000)::float8 as slot from schedule_fires
    where schedule_id = ${scheduleId} and scheduled_for >= ${from} and kind <> 'manual' and outcome <> 'skipped'`);
  return new Set(rows.map(({ slot }) => slot));
}
