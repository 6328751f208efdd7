// Retention: what is past its days goes with its tree, nothing else does, and each row that went is told once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, type Row } from "../../../test/support/executions.ts";
import type { Database } from "../../persistence/database.ts";
import { insertRetry } from "../../persistence/executions/retry-execution.ts";
import { expireBatch } from "../../persistence/retention/expired-executions.ts";
import { sql } from "../../persistence/sql.ts";
import { expireExecutions } from "./expire-executions.ts";

const DAY = 86_400_000;

let bed: ExecutionBed;
let scheduler: Database;
before(async () => {
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
});
after(() => bed?.close());

type Home = { userId: string; workspaceId: string };

async function addHome(days: { executions?: number; payloads?: number; held?: boolean }): Promise<Home> {
  const person = await bed.addPerson();
  await bed.admin.query(
    `update workspaces set execution_days = $2, payload_days = $3, legal_hold_at = $4, legal_hold_reason = $5
     where id = $1`,
    [
      person.workspaceId,
      days.executions ?? null,
      days.payloads ?? null,
      days.held ? new Date() : null,
      days.held ? "a court" : null,
    ],
  );
  return person;
}

/** Ended a second after it was made, with one step, an approval and a key, unless `columns` says otherwise. */
async function addEnded({ workspaceId, userId }: Home, ageDays: number, columns: Row = {}): Promise<string> {
  const msecs = Date.now() - ageDays * DAY;
  const id = uuidv7({ msecs });
  const made = new Date(msecs);
  await bed.addExecution({
    ...{ id, root_id: id, workspace_id: workspaceId, user_id: userId, status: "failed" },
    ...{ input: '{"ssn":"078-05-1120"}', output: '"078-05-1120"', trigger: '{"body":"078-05-1120"}' },
    error: '{"code":"node_failed","message":"078-05-1120 is bad","nodeId":"start"}',
    ...{ created_at: made, finished_at: new Date(msecs + 1_000) },
    ...columns,
  });
  await bed.admin.query(
    `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence, input, output, error, state)
     values ($1, 'start', $2, 'trigger.manual', 'failed', 1, 1, '"078-05-1120"', '"078-05-1120"',
       '{"code":"node_failed","message":"078-05-1120"}', '{"seen":"078-05-1120"}')`,
    [id, workspaceId],
  );
  await bed.admin.query(
    `insert into approvals (id, workspace_id, execution_id, node_id, status, decided_at, message)
     values ($1, $2, $3, 'ask', 'approved', now(), '078-05-1120')`,
    [uuidv7(), workspaceId, id],
  );
  await bed.admin.query(
    `insert into execution_keys (workspace_id, user_id, key, request_hash, execution_id, created_at)
     values ($1, $2, $3::text, '', $3::uuid, $4)`,
    [workspaceId, userId, id, made],
  );
  return id;
}

async function left(ids: readonly string[]): Promise<boolean[]> {
  const { rows } = await bed.admin.query("select id from workflow_executions where id = any ($1)", [ids]);
  return ids.map((id) => rows.some((row) => row.id === id));
}

async function entriesOf(workspaceId: string) {
  const text = "select action, details from audit_logs where chain_id = $1 order by seq";
  return (await bed.admin.query(text, [workspaceId])).rows as { action: string; details: Row }[];
}

test("what ended before its workspace's days goes with steps, approvals and keys; younger and live ones stay", async () => {
  const home = await addHome({ executions: 5 });
  const other = await addHome({});
  const old = [await addEnded(home, 9), await addEnded(home, 6)];
  const young = await addEnded(home, 4);
  const late = await addEnded(home, 9, { finished_at: new Date() });
  const waiting = await addEnded(home, 9, { status: "waiting", finished_at: null });
  const foreign = await addEnded(other, 500);
  assert.deepEqual(await expireExecutions(scheduler, { batch: 1 }), { executions: 2, payloads: 0, steps: 2 });
  assert.deepEqual(await left([...old, young, late, waiting, foreign]), [
    false,
    false,
    true,
    true,
    true,
    true,
  ]);
  for (const table of ["execution_steps", "approvals", "execution_keys"]) {
    const count = `select count(*)::int as rows from ${table} where execution_id = any ($1)`;
    const [gone, kept] = [
      await bed.admin.query(count, [old]),
      await bed.admin.query(count, [[young, late, waiting]]),
    ];
    // A key of nine days ago is swept by its age.
    const rows = table === "execution_keys" ? 1 : 0;
    assert.deepEqual([gone.rows[0].rows, kept.rows[0].rows], [rows, 3], table);
  }
  const [entry, ...more] = await entriesOf(home.workspaceId);
  assert.equal(more.length, 0);
  assert.equal(entry?.action, "execution.expired");
  const { executions, steps, firstId, lastId } = entry?.details ?? {};
  assert.deepEqual(
    { executions, steps, firstId, lastId },
    { executions: 2, steps: 2, firstId: old[0], lastId: old[1] },
  );
  assert.deepEqual(await entriesOf(other.workspaceId), []);
  assert.equal((await expireExecutions(scheduler)).executions, 0);
  assert.equal((await entriesOf(home.workspaceId)).length, 1, "nothing went, nothing is told");
});

test("a tree goes together: a child stays while anything above it runs or is too young", async () => {
  const home = await addHome({ executions: 5 });
  const [root, done] = [
    await addEnded(home, 20, { status: "waiting", finished_at: null }),
    await addEnded(home, 20),
  ];
  const child = await addEnded(home, 19, { parent_id: root, depth: 1 });
  const grandchild = await addEnded(home, 18, { parent_id: child, depth: 2 });
  const childOfDone = await addEnded(home, 17, { parent_id: done, depth: 1 });
  const orphan = await addEnded(home, 17, { parent_id: uuidv7(), depth: 1 });
  await expireExecutions(scheduler, { batch: 2 });
  assert.deepEqual(await left([root, child, grandchild]), [true, true, true]);
  assert.deepEqual(await left([done, childOfDone, orphan]), [false, false, false]);
});

test("payloads go earlier: states, times and codes stay and say so, and nothing of them is found anywhere", async () => {
  const home = await addHome({ executions: 50, payloads: 5 });
  const id = await addEnded(home, 9);
  const straggler = await addEnded(home, 8, { status: "waiting", finished_at: null });
  const behind = await addEnded(home, 7);
  const young = await addEnded(home, 4);
  const before = await bed.execution(id);
  assert.deepEqual(await expireExecutions(scheduler, { batch: 1 }), { executions: 0, payloads: 2, steps: 2 });
  const after = await bed.execution(id);
  assert.ok(after.payload_expired_at instanceof Date);
  for (const kept of ["status", "created_at", "finished_at", "root_id", "user_id", "version"])
    assert.deepEqual(after[kept], before[kept], kept);
  assert.deepEqual(after.error, { code: "node_failed", nodeId: "start", message: "Expired" });
  const { rows: approvals } = await bed.admin.query("select * from approvals where execution_id = $1", [id]);
  assert.equal(approvals[0].status, "approved");
  const rest = JSON.stringify([after, await bed.steps(id), approvals]);
  assert.ok(!rest.includes("078-05-1120"), rest);
  assert.equal((await bed.steps(id))[0]?.status, "failed");
  assert.equal((await bed.execution(behind)).input, null);
  assert.notEqual((await bed.execution(young)).input, null);
  const [entry] = await entriesOf(home.workspaceId);
  assert.deepEqual([entry?.action, entry?.details.executions], ["execution.payload_expired", 2]);

  // The straggler ends long ago, as it were: the next pass begins before it, not at the place it came to.
  await bed.admin.query(
    "update workflow_executions set status = 'failed', finished_at = created_at where id = $1",
    [straggler],
  );
  assert.equal((await expireExecutions(scheduler)).payloads, 1);
  assert.equal((await bed.execution(straggler)).input, null);
  const text = "select place from retention_passes where workspace_id = $1 and part = 'payloads'";
  assert.equal((await bed.admin.query(text, [home.workspaceId])).rows[0].place, behind);
});

test("a pass that is broken off goes on, and what went before is told then", async () => {
  const home = await addHome({ executions: 5 });
  for (let age = 30; age > 10; age -= 1) await addEnded(home, age);
  const task = { workspaceId: home.workspaceId, part: "executions" as const };
  const first = await scheduler.transaction({ workspaceIds: [] }, (tx) =>
    expireBatch(tx, task, { after: null, limit: 3 }),
  );
  assert.deepEqual([first.state, first.executions], ["more", 3]);
  const stopped = await expireExecutions(scheduler, { signal: AbortSignal.abort() });
  assert.equal(stopped.executions, 0);
  assert.deepEqual(
    (await entriesOf(home.workspaceId)).map(({ details }) => details.executions),
    [3],
  );
  assert.equal((await expireExecutions(scheduler, { batch: 4 })).executions, 17);
  assert.deepEqual(
    (await entriesOf(home.workspaceId)).map(({ details }) => details.executions),
    [3, 17],
  );
});

test("a journal too big for one batch goes in parts, its execution last, and cannot be retried meanwhile", async () => {
  const home = await addHome({ executions: 5 });
  const id = await addEnded(home, 9);
  await bed.admin.query(
    `insert into execution_steps (execution_id, node_id, iteration, workspace_id, node_type, status, seq, fence)
     select $1, 'body', n::text, $2, 'data.transform', 'succeeded', n, 1 from generate_series(2, 60) n`,
    [id, home.workspaceId],
  );
  const task = { workspaceId: home.workspaceId, part: "executions" as const };
  const take = () =>
    scheduler.transaction({ workspaceIds: [] }, (tx) => expireBatch(tx, task, { after: null, limit: 1 }));
  assert.deepEqual(await take(), {
    state: "more",
    executions: 0,
    steps: 20,
    place: "00000000-0000-0000-0000-000000000000",
  });
  assert.ok((await bed.execution(id)).payload_expired_at);
  assert.deepEqual(await expireExecutions(scheduler, { batch: 1 }), {
    executions: 1,
    payloads: 0,
    steps: 40,
  });
  assert.deepEqual(await left([id]), [false]);
});

test("legal hold stops all of it, also for whoever calls the function or deletes by hand", async () => {
  const home = await addHome({ executions: 1, payloads: 1, held: true });
  const id = await addEnded(home, 400);
  assert.deepEqual(await expireExecutions(scheduler), { executions: 0, payloads: 0, steps: 0 });
  for (const part of ["executions", "payloads"] as const) {
    const task = { workspaceId: home.workspaceId, part };
    const batch = await scheduler.transaction({ workspaceIds: [] }, (tx) =>
      expireBatch(tx, task, { after: null, limit: 10 }),
    );
    assert.equal(batch.state, "kept");
  }
  for (const table of ["workflow_executions", "execution_steps", "files"])
    await assert.rejects(scheduler.run(sql([`delete from ${table}`] as never)), /permission denied/, table);
  const client = await bed.admin.connect();
  try {
    await client.query("set role atelier_eraser");
    const deleted = await client.query("delete from workflow_executions where workspace_id = $1", [
      home.workspaceId,
    ]);
    assert.equal(deleted.rowCount, 0, "the policy stands below the function");
  } finally {
    await client.query("reset role");
    client.release();
  }
  assert.notEqual((await bed.execution(id)).input, null);
});

test("the scheduler's way to delete takes nothing that is not past its own workspace's days", async () => {
  const home = await addHome({});
  const id = await addEnded(home, 400);
  for (const part of ["executions", "payloads", "everything"]) {
    const { rows } = await bed.admin.query("select * from erase_expired_batch($1, $2, null, 10)", [
      home.workspaceId,
      part,
    ]);
    assert.equal(rows[0].state, "kept", part);
  }
  assert.deepEqual(await left([id]), [true]);
  const call = sql`select state from erase_expired_batch(${home.workspaceId}, 'executions', null, 10)`;
  for (const role of ["atelier_api", "atelier_worker"] as const)
    await assert.rejects(bed.open(role, 1).one(call), /permission denied/, role);
  await assert.rejects(
    scheduler.run(sql`update workflow_executions set input = null where id = ${id}`),
    /cannot change/,
  );
});

test("what is being retried is passed over until the retry has its journal, and goes the next time", async () => {
  const home = await addHome({ executions: 5, payloads: 4 });
  const id = await addEnded(home, 9);
  const api = bed.open("atelier_api", 1);
  const retryId = uuidv7();
  const nodes = { finished: null, handled: ["start"] };
  await api.transaction({ userId: home.userId, workspaceIds: [home.workspaceId] }, async (tx) => {
    assert.ok(await insertRetry(tx, { id: retryId, of: id, userId: home.userId, nodes }));
    const expired = await expireExecutions(scheduler);
    assert.deepEqual([expired.executions, expired.payloads], [0, 0]);
  });
  assert.equal((await bed.steps(retryId)).length, 1);
  assert.equal((await expireExecutions(scheduler)).executions, 1);
  assert.deepEqual(await left([id, retryId]), [false, true]);
  assert.equal((await bed.steps(retryId))[0]?.input, "078-05-1120", "its copies are its own");
});

test("schedulers that run at once take each row once, and tell each once", async () => {
  const home = await addHome({ executions: 5 });
  for (let n = 0; n < 60; n += 1) await addEnded(home, 10 + n / 10);
  const schedulers = [scheduler, bed.open("atelier_scheduler"), bed.open("atelier_scheduler")];
  const taken = await Promise.all(schedulers.map((each) => expireExecutions(each, { batch: 2 })));
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const rest = await expireExecutions(scheduler);
  assert.equal(sum([...taken, rest].map(({ executions }) => executions)), 60);
  const told = (await entriesOf(home.workspaceId)).map(({ details }) => Number(details.executions));
  assert.equal(sum(told), 60);
});
