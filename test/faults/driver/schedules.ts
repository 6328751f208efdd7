// Schedules for scenarios, written past every policy, and the judge of their slots: each is there once, with one execution.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import type { Stage } from "./stage.ts";

export type DrawnSchedule = {
  cron?: string;
  runAt?: Date;
  nextRunAt: Date;
  startAt?: Date;
  endAt?: Date;
  misfire?: "skip" | "once" | "all";
  toleranceMs?: number;
};

/** In one transaction, so that they are all due at once. Resolves to their ids, in their order. */
export async function addSchedules(
  stage: Stage,
  workflowId: string,
  schedules: readonly DrawnSchedule[],
): Promise<string[]> {
  const { userId, workspaceId } = await stage.person();
  const rows = schedules.map((schedule) => ({ ...schedule, id: uuidv7() }));
  await stage.trace.query(
    `insert into schedules (id, workspace_id, workflow_id, owner_id, cron, run_at, next_run_at, start_at, end_at, misfire,
       tolerance_ms, input)
     select r.id, $1, $2, $3, r.cron, r."runAt", r."nextRunAt", r."startAt", r."endAt", coalesce(r.misfire, 'once'),
       coalesce(r."toleranceMs", 60000), '{"n": 1}'
     from jsonb_to_recordset($4::jsonb) as r (id uuid, cron text, "runAt" timestamptz, "nextRunAt" timestamptz,
       "startAt" timestamptz, "endAt" timestamptz, misfire text, "toleranceMs" int)`,
    [workspaceId, workflowId, userId, JSON.stringify(rows)],
  );
  return rows.map(({ id }) => id);
}

/** By PostgreSQL's clock, in ms since the epoch. */
export async function readClock({ trace }: Stage): Promise<number> {
  const [row] = await trace.query<{ now: Date }>("select clock_timestamp() now");
  return Number(row?.now);
}

/** Until that many slots have fired, or any more time would be of no use: the judge says what is missing. */
export async function untilFired(stage: Stage, count: number, patienceMs = 60_000): Promise<void> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await delay(100)) {
    if ((await countFired(stage)) >= count) return;
  }
}

export async function countFired({ trace }: Stage): Promise<number> {
  const [row] = await trace.query<{ fired: number }>("select count(*)::int fired from schedule_fires");
  return row?.fired ?? 0;
}

/** I6: the slots that fired are these and no others, once each, and each has one execution that says so. */
export async function judgeSlots(
  { trace, accepted }: Stage,
  wanted: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const fires = await trace.query<{ schedule: string; slot: Date; id: string }>(
    "select schedule_id schedule, scheduled_for slot, execution_id id from schedule_fires where outcome = 'fired'",
  );
  const executions = await trace.query<{ schedule: string; slot: string; id: string }>(
    `select trigger ->> 'scheduleId' schedule, trigger ->> 'scheduledFor' slot, id from workflow_executions
     where trigger_type = 'schedule'`,
  );
  const due = [...wanted].flatMap(([schedule, slots]) => slots.map((slot) => nameOf(schedule, slot)));
  const fired = fires.map(({ schedule, slot }) => nameOf(schedule, Number(slot)));
  const started = executions.map(({ schedule, slot, id }) => `${nameOf(schedule, Date.parse(slot))} ${id}`);
  const told = fires.map(({ id }, index) => `${fired[index]} ${id}`);
  assert.deepEqual(
    {
      slots: fired.length,
      never: few(without(due, fired)),
      twice: few(twice(fired)),
      unasked: few(without(fired, due)),
      firesWithoutExecution: few(without(told, started)),
      executionsWithoutFire: few(without(started, told)),
      executions: started.length,
    },
    {
      ...{ slots: due.length, never: [], twice: [], unasked: [] },
      ...{ firesWithoutExecution: [], executionsWithoutFire: [], executions: due.length },
    },
  );
  for (const { id } of fires) accepted.add(id);
}

/** What did not fire and why, by schedule: `<reason> <slots>`. */
export async function readSkips({ trace }: Stage): Promise<Map<string, string[]>> {
  const rows = await trace.query<{ id: string; what: string }>(
    "select schedule_id id, concat_ws(' ', reason, slots) what from schedule_skips order by schedule_id, first_slot",
  );
  return new Map(
    [...Map.groupBy(rows, ({ id }) => id)].map(([id, skips]) => [id, skips.map(({ what }) => what)]),
  );
}

const nameOf = (schedule: string, slot: number) => `${schedule} ${new Date(slot).toISOString()}`;
const few = (names: readonly string[]) => names.slice(0, 5);

function without(names: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others);
  return names.filter((name) => !known.has(name));
}

function twice(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.has(name) || !seen.add(name));
}
