// Months go when they are over and nothing is left in them, whoever asks; and nobody waits for it.
import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, type Row } from "../../../test/support/executions.ts";
import type { Database } from "../../persistence/database.ts";
import { dropEmptyMonth, listMonths } from "../../persistence/executions/partitions.ts";
import { sql } from "../../persistence/sql.ts";
import { dropMonths } from "./drop-months.ts";
import { expireExecutions } from "./expire-executions.ts";
import { makeMonths } from "./make-months.ts";

const OLD = "2025-02-01T00:00:00.000Z";
const ONCE = { tries: 1, pauseMs: 0 };

let bed: ExecutionBed;
let scheduler: Database;
beforeEach(async () => {
  await bed?.close();
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
  await bed.admin.query("select ensure_partition($1)", [OLD]);
});
after(() => bed?.close());

async function addOld(columns: Row = {}): Promise<string> {
  const msecs = Date.parse(OLD) + 86_400_000;
  const id = uuidv7({ msecs });
  const ended = { status: "succeeded", finished_at: new Date(msecs + 5) };
  await bed.addExecution({ id, root_id: id, created_at: new Date(msecs), ...ended, ...columns });
  const step = `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence)
    values ($1, 'a', $1, 'data.transform', 'succeeded', 1, 1)`;
  await bed.admin.query(step, [id]);
  return id;
}

test("a month that retention has emptied goes with both its partitions; the months to come stay, and work goes on", async () => {
  const person = await bed.addPerson();
  await bed.admin.query("update workspaces set execution_days = 30 where id = $1", [person.workspaceId]);
  await addOld({ workspace_id: person.workspaceId });
  const before = await listMonths(scheduler);
  assert.equal(before[0], OLD);
  assert.deepEqual(await dropMonths(scheduler, ONCE), [], "one row is left in it");
  assert.equal((await expireExecutions(scheduler)).executions, 1);
  assert.deepEqual(await dropMonths(scheduler, ONCE), [OLD]);
  assert.deepEqual(await listMonths(scheduler), before.slice(1));
  const { rows } = await bed.admin.query("select relname from pg_class where relname ~ '_202502'");
  assert.deepEqual(rows, []);
  assert.equal(await dropEmptyMonth(scheduler, OLD), "gone");
  await bed.addExecution();
  const { made } = await makeMonths(scheduler, 12, ONCE);
  assert.deepEqual(made, [], "nothing of the future was taken");
});

test("the scheduler's role drops no month that is young, or holds anything: kept, held, unfinished, a step alone", async () => {
  const now = new Date().toISOString();
  assert.equal(await dropEmptyMonth(scheduler, now), "young");
  assert.equal(
    await dropEmptyMonth(scheduler, new Date(Date.now() + 40 * 86_400_000).toISOString()),
    "young",
  );
  assert.equal(await dropEmptyMonth(scheduler, "infinity"), "young");
  assert.equal(await dropEmptyMonth(scheduler, "2001-01-01T00:00:00Z"), "gone");
  const held = await bed.addPerson();
  await bed.admin.query(
    `update workspaces set execution_days = 1, legal_hold_at = now(), legal_hold_reason = 'a court' where id = $1`,
    [held.workspaceId],
  );
  for (const [what, columns] of [
    ["kept for ever", {}],
    ["held", { workspace_id: held.workspaceId }],
    ["unfinished", { status: "waiting", finished_at: null }],
  ] as const) {
    const id = await addOld(columns);
    await expireExecutions(scheduler);
    assert.equal(await dropEmptyMonth(scheduler, OLD), "full", what);
    await bed.admin.query("delete from workflow_executions where id = $1", [id]);
    assert.equal(await dropEmptyMonth(scheduler, OLD), "full", `${what}: its step`);
    await bed.admin.query("delete from execution_steps where execution_id = $1", [id]);
  }
  for (const table of ["workflow_executions_202502", "workflow_executions_default", "execution_steps"]) {
    const drop = Object.assign([`drop table ${table}`], { raw: [] });
    await assert.rejects(scheduler.run(sql(drop)), /must be owner/, table);
  }
  const api = bed.open("atelier_api");
  await assert.rejects(dropEmptyMonth(api, OLD), /permission denied/);
  assert.equal(await dropEmptyMonth(scheduler, OLD), "dropped");
});

test("a long read is not waited for, and what comes behind the try goes on when it gives up", async () => {
  const reader = await bed.admin.connect();
  try {
    await reader.query("begin");
    await reader.query("select count(*) from workflow_executions");
    let isOver = false;
    const trying = dropMonths(scheduler, { tries: 3, pauseMs: 10 }).finally(() => {
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
    assert.deepEqual(await trying, []);
    assert.ok((await listMonths(scheduler)).includes(OLD));
    await reader.query("commit");
  } finally {
    reader.release();
  }
  assert.deepEqual(await dropMonths(scheduler, ONCE), [OLD]);
});

test("a month that cannot be dropped stops no other, and is told", async () => {
  const older = "2025-01-01T00:00:00.000Z";
  await bed.admin.query("select ensure_partition($1)", [older]);
  await bed.admin.query(
    `create function refuse() returns event_trigger language plpgsql as $$
     begin
       if exists (select from pg_event_trigger_dropped_objects() where object_name = 'workflow_executions_202501')
       then raise 'not this one'; end if;
     end $$;
     create event trigger refuse on sql_drop execute function refuse()`,
  );
  await assert.rejects(dropMonths(scheduler, ONCE), { message: /^2025-01: .*not this one/ });
  assert.equal((await listMonths(scheduler))[0], older);
  assert.ok(!(await listMonths(scheduler)).includes(OLD), "the one after it went");
});
