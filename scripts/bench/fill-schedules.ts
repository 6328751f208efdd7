// Schedules and timers by the thousand, made in SQL: due every minute, all at one instant, or not before tomorrow.
import { createHash } from "node:crypto";
import type pg from "pg";
import type { User } from "./platform-under-load.ts";

export type Owned = ReadonlyArray<readonly [User, workflowId: string]>;

/** `cron`, `next`: SQL of the number `n` of a schedule; `mark` names them. */
export type ScheduleKind = { mark: string; cron: string; next: string };

export async function fillSchedules(
  admin: pg.Client,
  owned: Owned,
  count: number,
  { mark, cron, next }: ScheduleKind,
): Promise<void> {
  for (const [index, [{ workspaceId }, workflowId]] of owned.entries()) {
    await admin.query(
      `insert into schedules (id, workspace_id, workflow_id, owner_id, name, cron, next_run_at, input)
       select gen_random_uuid(), $1, $2, w.owner_id, $3, ${cron}, ${next}, '{"qty": 3, "price": 20}'
       from workflows w, generate_series($4::int, $5::int - 1, $6::int) n where w.id = $2`,
      [workspaceId, workflowId, mark, index, count, owned.length],
    );
  }
  await admin.query("vacuum analyze schedules");
}

/** Half of them are executions for tomorrow, half wait for a timer until then. */
export async function fillTimers(
  admin: pg.Client,
  [[{ workspaceId }, workflowId]]: readonly [Owned[number], ...Owned],
  count: number,
): Promise<void> {
  const seed = createHash("md5").update(workflowId).digest("hex").slice(0, 4);
  await admin.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, status, trigger, input, root_id,
       available_at, rung_at)
     select made.id, $1, $2, 1, w.owner_id, case when n % 2 = 0 then 'queued' else 'waiting' end, '{}', '{}', made.id,
       now() + interval '1 day', now() + interval '1 day'
     from workflows w cross join generate_series(1, $3::int) n cross join lateral (
       select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text || $4), 1, 3)
         || '8' || substr(md5(n::text || $4), 4, 15))::uuid as id) made
     where w.id = $2`,
    [workspaceId, workflowId, count, seed],
  );
  await admin.query("vacuum analyze workflow_executions");
}
