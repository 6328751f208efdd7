// Months to come get their partitions whoever reads and whatever lies in the default partition; and nobody waits for it.
import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Database } from "../../persistence/database.ts";
import { listMonths } from "../../persistence/executions/partitions.ts";
import { makeMonths, refuseMissing } from "./make-months.ts";

const ONCE = { tries: 1, pauseMs: 0 };
/** Migrations make this month and twelve more. */
const AHEAD = 13;

let bed: ExecutionBed;
let scheduler: Database;
beforeEach(async () => {
  await bed?.close();
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
});
after(() => bed?.close());

/** In the month that is not there yet, or so many after it, with a step. */
async function addAhead(more = 0): Promise<{ id: string; month: string }> {
  const at = new Date();
  at.setUTCMonth(at.getUTCMonth() + AHEAD + more, 15);
  const id = uuidv7({ msecs: at.getTime() });
  await bed.addExecution({ id, root_id: id, input: '{"n":1}', retry_of: uuidv7() });
  await bed.admin.query("update workflow_executions set people_behind = null where id = $1", [id]);
  const step = `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence)
    values ($1, 'a', $1, 'data.transform', 'succeeded', 1, 1)`;
  await bed.admin.query(step, [id]);
  return { id, month: at.toISOString().slice(0, 7) };
}

/** The tables in which the execution and its steps lie. */
async function placesOf(id: string): Promise<string[]> {
  const text = `select tableoid::regclass::text as place from workflow_executions where id = $1
    union all select tableoid::regclass::text from execution_steps where execution_id = $1`;
  return (await bed.admin.query(text, [id])).rows.map(({ place }) => place);
}

test("a long read is not waited for: the try gives up, who came behind it goes on, and the month is made after the read", async () => {
  const months = (await listMonths(scheduler)).length;
  const reader = await bed.admin.connect();
  try {
    await reader.query("begin isolation level repeatable read read only");
    await reader.query("select count(*) from workflow_executions");
    let isOver = false;
    const trying = makeMonths(scheduler, AHEAD, { tries: 3, pauseMs: 10 }).finally(() => {
      isOver = true;
    });
    const inLine = "select from pg_locks where mode = 'AccessExclusiveLock' and not granted";
    while (!isOver && (await bed.admin.query(inLine)).rowCount === 0);
    const worker = await bed.admin.connect();
    try {
      // Half of what a pool of ours waits for a lock at all.
      await worker.query("set lock_timeout = '5s'");
      await worker.query("update workflow_executions set status = status where false");
    } finally {
      await worker.query("reset lock_timeout");
      worker.release();
    }
    const found = await trying;
    assert.deepEqual([found.made, found.full], [[], []]);
    assert.throws(() => refuseMissing(found), { code: "partitions_busy" });
    assert.equal((await listMonths(scheduler)).length, months);

    const patient = makeMonths(scheduler, AHEAD, { tries: 1_000, pauseMs: 10 });
    await reader.query("commit");
    assert.equal((await patient).made.length, 1, "it is tried again");
  } finally {
    reader.release();
  }
  assert.equal((await listMonths(scheduler)).length, months + 1);
  assert.deepEqual(await makeMonths(scheduler, AHEAD, ONCE), { made: [], full: [], busy: null });
});

test("a default partition that is too big is not looked through while all wait: nobody is asked for a lock", async () => {
  const { month } = await addAhead();
  const reader = await bed.admin.connect();
  try {
    await reader.query("begin");
    await reader.query("select count(*) from workflow_executions");
    const make = async (bytes: number) => {
      const text = "select make_month($1::timestamptz, $2) verdict";
      return (await bed.admin.query(text, [`${month}-15`, bytes])).rows[0].verdict;
    };
    assert.deepEqual([await make(1), await make(1_000_000)], ["full", "busy"]);
  } finally {
    await reader.query("commit");
    reader.release();
  }
});

test("rows of a month in the default partition move with it, as they are; other months' stay, and all of it is walled", async () => {
  const [one, other] = [await addAhead(), await addAhead(1)];
  const whole = async () => [await bed.execution(one.id), await bed.steps(one.id)];
  const before = await whole();
  assert.deepEqual(await placesOf(one.id), ["workflow_executions_default", "execution_steps_default"]);
  assert.deepEqual(await makeMonths(scheduler, AHEAD, ONCE), { made: [one.month], full: [], busy: null });
  const suffix = one.month.replace("-", "");
  assert.deepEqual(await placesOf(one.id), [`workflow_executions_${suffix}`, `execution_steps_${suffix}`]);
  assert.deepEqual(await whole(), before);
  assert.deepEqual(await placesOf(other.id), ["workflow_executions_default", "execution_steps_default"]);

  const { rows } = await bed.admin.query(
    `select c.relname as name from pg_class c join pg_inherits i on i.inhrelid = c.oid
     where i.inhparent in ('workflow_executions'::regclass, 'execution_steps'::regclass)
       and not (c.relrowsecurity and c.relforcerowsecurity)`,
  );
  assert.deepEqual(rows, []);
  const shape = async (table: string) => {
    const text = `select (select array_agg(regexp_replace(pg_get_indexdef(indexrelid), '^.* USING', '')
          order by regexp_replace(pg_get_indexdef(indexrelid), '^.* USING', ''))
        from pg_index where indrelid = $1::regclass) indexes,
      (select array_agg(pg_get_constraintdef(oid) order by pg_get_constraintdef(oid)) from pg_constraint
        where conrelid = $1::regclass and conname <> 'in_month') constraints,
      (select count(*)::int from pg_constraint where conrelid = $1::regclass and conname = 'in_month') months,
      (select array_agg(tgname::text || tgenabled::text order by tgname) from pg_trigger where tgrelid = $1::regclass) triggers,
      (select array_agg(attname::text || attnotnull::text || coalesce(pg_get_expr(adbin, adrelid), '') order by attname)
        from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = $1::regclass and attnum > 0 and not attisdropped) columns`;
    return (await bed.admin.query(text, [table])).rows[0];
  };
  const now = new Date().toISOString().slice(0, 7).replace("-", "");
  for (const table of ["workflow_executions", "execution_steps"])
    assert.deepEqual(await shape(`${table}_${suffix}`), await shape(`${table}_${now}`), table);

  await bed.admin.query("update workflow_executions set status = 'running' where id = $1", [one.id]);
  assert.equal((await makeMonths(scheduler, AHEAD + 1, ONCE)).made[0], other.month);
  assert.notEqual((await placesOf(other.id))[0], "workflow_executions_default");
});

test("a month of which the default holds too much is left to an operator, and those after it are made", async () => {
  const { id, month } = await addAhead();
  await bed.admin.query("alter table workflow_executions_default alter column input set storage external");
  await bed.admin.query(
    `update workflow_executions set input = to_jsonb((select string_agg(gen_random_uuid()::text, '')
       from generate_series(1, 950000))) where id = $1`,
    [id],
  );
  const found = await makeMonths(scheduler, AHEAD + 1, ONCE);
  assert.deepEqual([found.full, found.made.length, found.busy], [[month], 1, null]);
  assert.throws(() => refuseMissing(found), { code: "partitions_full", details: { months: [month] } });
  const { rows } = await bed.admin.query("select make_month($1::timestamptz, 1000000000000) verdict", [
    `${month}-15`,
  ]);
  assert.equal(rows[0].verdict, "made", "as docs/operations.md says");
  assert.notEqual((await placesOf(id))[0], "workflow_executions_default");
});
