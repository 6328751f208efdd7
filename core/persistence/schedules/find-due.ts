// Which schedules are due or soon will be, and which are overdue: looks that lock nothing and cost what they find.
import type { Misfire, Overlap } from "../../domain/schedules/schedule.ts";
import type { Executor } from "../database.ts";
import { type Sql, sql } from "../sql.ts";

/** As read; instants in ms since the epoch. */
export type DueSchedule = {
  id: string;
  workspaceId: string;
  cron: string | null;
  runAt: number | null;
  timezone: string;
  startAt: number | null;
  endAt: number | null;
  misfire: Misfire;
  overlap: Overlap;
  toleranceMs: number;
  maxLatenessMs: number | null;
  due: number;
  /** The same as the database writes it; with the revision it guards what is done by this look. */
  dueText: string;
  revision: number;
  /** Of its input as JSON text. */
  inputBytes: number;
  /** The database's clock. */
  now: number;
};

/** A double: what is no date, such as infinity, must not fail the look at the others. */
const ms = (instant: Sql) => sql`floor(extract(epoch from ${instant}) * 1000)::float8`;

/** `late`: due for longer than a minute; else all later ones, up to those that will be due within `aheadMs`. */
export type DueRange = "late" | { aheadMs: number };

const LATE = sql`now() - interval '1 minute'`;

/** By the database's clock, the longest overdue first; those after `after`. */
export function findDue(
  database: Executor,
  options: { limit: number; range: DueRange; after?: DueSchedule | undefined },
): Promise<DueSchedule[]> {
  const { limit, range, after } = options;
  const within =
    range === "late"
      ? sql`next_run_at <= ${LATE}`
      : sql`next_run_at > ${LATE} and next_run_at <= now() + make_interval(secs => ${range.aheadMs / 1_000}::float8)`;
  const beyond = after
    ? sql`and (next_run_at, id) > (${after.dueText}::timestamptz, ${after.id}::uuid)`
    : sql``;
  return database.many<DueSchedule>(sql`
    select id, workspace_id as "workspaceId", cron, ${ms(sql`run_at`)} as "runAt", timezone,
      ${ms(sql`start_at`)} as "startAt", ${ms(sql`end_at`)} as "endAt", misfire, overlap,
      tolerance_ms as "toleranceMs", max_lateness_ms as "maxLatenessMs", ${ms(sql`next_run_at`)} as due,
      next_run_at::text as "dueText", revision, input_bytes as "inputBytes",
      ${ms(sql`clock_timestamp()`)} as now
    from schedules
    where enabled and ${within} ${beyond}
    order by next_run_at, id limit ${limit}`);
}

/** How many are late by more than their tolerance, at most 100,000, and the seconds since the oldest was due; 0 without any. */
export type OverdueSchedules = { overdue: number; oldestOverdueSeconds: number };

export async function countOverdue(database: Executor): Promise<OverdueSchedules> {
  const row = await database.one<OverdueSchedules>(sql`
    select count(*) as overdue,
      coalesce(extract(epoch from clock_timestamp() - min(next_run_at)), 0)::float8 as "oldestOverdueSeconds"
    from (
      select next_run_at from schedules
      where enabled and next_run_at < now() - interval '1 second' and next_run_at > '-infinity'
        and next_run_at < now() - make_interval(secs => tolerance_ms / 1000.0)
      order by next_run_at limit 100000) late`);
  return row ?? { overdue: 0, oldestOverdueSeconds: 0 };
}
