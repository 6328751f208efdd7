// What became of a schedule's slots: fires and skips as one list, and the skips that edits leave behind.
import type { FireKind, FireOutcome } from "../../domain/schedules/schedule.ts";
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";

/** One fire, or slots next to each other that did not fire for one reason. */
export type SlotRecord = {
  id: string;
  kind: FireKind;
  outcome: FireOutcome;
  /** The slot, or the first of them; ISO 8601. */
  scheduledFor: string;
  /** The last of them; null for a single one. */
  through: string | null;
  /** How many they are; null: too many to count. */
  slots: number | null;
  reason: string | null;
  /** What it started, or what was in its way. */
  executionId: string | null;
  version: number | null;
  /** Who asked for it; null: the clock. */
  askedBy: string | null;
  /** When this came to be. */
  at: string;
};

export type HistoryPage = {
  outcome?: FireOutcome | undefined;
  before?: string | undefined;
  limit: number;
};

/** Written out, for the sake of the indexes that hold one of them only. */
const ENDED: Readonly<Record<FireOutcome, Sql>> = {
  fired: sql`and outcome = 'fired'`,
  pending: sql`and outcome = 'pending'`,
  skipped: sql`and outcome = 'skipped'`,
};

/** Newest first. */
export function listHistory(
  tx: Executor,
  scheduleId: string,
  { outcome, before, limit }: HistoryPage,
): Promise<SlotRecord[]> {
  const older = before === undefined ? sql`` : sql`and id < ${before}`;
  const endedSo = outcome === undefined ? sql`` : ENDED[outcome];
  const skips = outcome === undefined || outcome === "skipped" ? sql`` : sql`and false`;
  return tx.many<SlotRecord>(sql`
    select * from (
      (select id, kind, outcome, scheduled_for as "scheduledFor", null::timestamptz as through, 1 as slots, reason,
        execution_id as "executionId", version, asked_by as "askedBy", fired_at as at
      from schedule_fires where schedule_id = ${scheduleId} ${endedSo} ${older}
      order by id desc limit ${limit})
      union all
      (select id, 'slot', 'skipped', first_slot, nullif(last_slot, first_slot), slots, reason, execution_id, null,
        null, created_at
      from schedule_skips where schedule_id = ${scheduleId} ${skips} ${older}
      order by id desc limit ${limit})
    ) told
    order by id desc limit ${limit}`);
}

export type NewSkip = {
  id: string;
  workspaceId: string;
  scheduleId: string;
  /** ISO 8601. */
  first: string;
  last: string;
  slots: number | null;
  reason: string;
};

export async function insertSkips(tx: Executor, skips: readonly NewSkip[]): Promise<void> {
  if (skips.length === 0) return;
  await tx.run(sql`
    insert into schedule_skips (id, workspace_id, schedule_id, first_slot, last_slot, slots, reason)
    select id, "workspaceId", "scheduleId", first, last, slots, reason
    from jsonb_to_recordset(${JSON.stringify(skips)}::jsonb) as s(id uuid, "workspaceId" uuid, "scheduleId" uuid,
      first timestamptz, last timestamptz, slots int, reason text)`);
}
