// A year of finished executions, made in SQL: every month has its share, the newest hundredth has steps.
import type pg from "pg";
import type { User } from "./platform-under-load.ts";

const MONTHS = 12;
const SHARE_WITH_STEPS = 0.01;

/** Half of it is the first user's, the rest the others'. Needs a superuser; its triggers are off meanwhile. */
export async function fillHistory(
  admin: pg.Client,
  owned: ReadonlyArray<readonly [User, workflowId: string]>,
  rows: number,
  note: (line: string) => void,
): Promise<void> {
  await admin.query("set session_replication_role = replica");
  await admin.query("set synchronous_commit = off");
  try {
    await admin.query(
      "select ensure_partition(now() - month * interval '1 month') from generate_series(0, $1::int) month",
      [MONTHS],
    );
    for (let month = MONTHS; month > 0; month--) {
      note(`${month} months to go`);
      for (const [index, [{ workspaceId }, workflowId]] of owned.entries()) {
        const share = index === 0 ? 0.5 : 0.5 / (owned.length - 1);
        await admin.query(INSERT_EXECUTIONS, [
          workspaceId,
          workflowId,
          Math.round((rows * share) / MONTHS),
          month,
        ]);
      }
    }
    await admin.query(INSERT_STEPS, [
      Math.round(rows * SHARE_WITH_STEPS),
      owned.map(([, workflowId]) => workflowId),
    ]);
    note("vacuum analyze");
    await admin.query("vacuum analyze workflow_executions, execution_steps");
    // Else the disk is busy with what was filled in while the loop is measured.
    await admin.query("checkpoint");
  } finally {
    await admin.query("reset session_replication_role");
    await admin.query("reset synchronous_commit");
  }
}

// UUIDv7: 48 bits of milliseconds, then what md5 makes of the number. One in fifty failed.
const INSERT_EXECUTIONS = `
  insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, status, trigger, input, output, error,
    root_id, wake, fence, created_at, started_at, finished_at)
  select id, $1::uuid, $2::uuid, 1, (select created_by from workspaces where id = $1::uuid),
    case when n % 50 = 0 then 'failed' else 'succeeded' end, '{}', jsonb_build_object('qty', n % 10, 'price', 12.5),
    case when n % 50 > 0 then jsonb_build_object('order', n, 'large', n % 2 = 0) end,
    case when n % 50 = 0 then jsonb_build_object('code', 'node_failed', 'message', 'it did not work') end,
    id, 0, 1, at, at, at + interval '20 ms'
  from (
    select n, at, (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(hash, 1, 3) || '8'
      || substr(hash, 4, 15))::uuid as id
    from (
      select n, md5($2::text || '/' || $4::int || '/' || n) as hash,
        now() - ($4::int - n::float8 / $3::int) * interval '30 days' - interval '1 hour' as at
      from generate_series(1, $3::int) n) numbered) made`;

const INSERT_STEPS = `
  insert into execution_steps (execution_id, node_id, attempt, workspace_id, node_type, status, seq, fence, output,
    started_at, finished_at)
  select e.id, node, 1, e.workspace_id, 'data.transform', 'succeeded', place, 1, '{"order": 1}', e.started_at, e.finished_at
  from (select id, workspace_id, started_at, finished_at from workflow_executions
    where workflow_id = any ($2::uuid[]) order by id desc limit $1) e,
    unnest(array['start', 'total', 'big', 'yes']) with ordinality as nodes (node, place)`;
