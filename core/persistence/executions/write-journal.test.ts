// Steps and finishes against PostgreSQL: fences, final rows, one commit, who is told.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, stepOf } from "../../../test/support/executions.ts";
import type { JournalWrite } from "../../domain/journal.ts";
import type { Database } from "../database.ts";
import { renewLeases } from "./leases.ts";
import { writeJournal } from "./write-journal.ts";

let bed: ExecutionBed;
let database: Database;

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_worker");
});
after(() => bed?.close());

const owner = uuidv7();
const running = (columns: Record<string, unknown> = {}) =>
  bed.addExecution({
    status: "running",
    fence: 2,
    lease_owner: owner,
    lease_until: "2100-01-01",
    ...columns,
  });
const write = (executionId: string, given: Partial<JournalWrite> = {}): JournalWrite => ({
  executionId,
  fence: 2,
  steps: [stepOf("a")],
  ...given,
});

test("steps and the end are one commit, with times, values and the worker's release", async () => {
  const id = await running();
  const steps = [
    stepOf("a", {
      port: "true",
      input: { x: 1 },
      output: ["ü", null, 1.5],
      effect: "idempotent",
      idempotencyKey: "k",
    }),
    stepOf("b", {
      seq: 2,
      iteration: "3/0",
      attempt: 2,
      status: "failed",
      error: { code: "bad", message: "m" },
    }),
  ];
  const batch = [write(id, { steps, move: { to: "succeeded", output: { done: true } } })];
  assert.deepEqual([...(await writeJournal(database, batch)).held], batch);
  const row = await bed.execution(id);
  assert.equal(row.status, "succeeded");
  assert.deepEqual(row.output, { done: true });
  assert.equal(row.lease_owner, null);
  assert.ok(row.finished_at instanceof Date);
  const [a, b] = await bed.steps(id);
  assert.deepEqual(a?.output, ["ü", null, 1.5]);
  assert.equal(a?.port, "true");
  assert.deepEqual(a?.started_at, new Date("2026-03-01T12:00:00.123Z"));
  assert.equal(b?.iteration, "3/0");
  assert.deepEqual(b?.error, { code: "bad", message: "m" });
  assert.equal(b?.workspace_id, row.workspace_id);
});

test("F14 the same fence of another owner writes nothing: after a failover a number may have been given twice", async () => {
  const mine = await running();
  const theirs = await running({ lease_owner: uuidv7() });
  const batch = [
    write(mine, { move: { to: "succeeded" } }),
    write(theirs),
    write(await running({ lease_owner: uuidv7() }), { move: { to: "failed" } }),
  ];
  const { held } = await writeJournal(database, batch, () => {}, owner);
  assert.deepEqual([...held], batch.slice(0, 1));
  assert.equal((await bed.execution(theirs)).status, "running");
  assert.deepEqual(await bed.steps(theirs), []);
});

test("a stale fence, a finished or a queued execution writes nothing, and says so", async () => {
  const stale = await running({ fence: 3 });
  const done = await bed.addExecution({ status: "succeeded", fence: 2, output: "1" });
  const queued = await bed.addExecution({ fence: 2 });
  const fine = await running();
  const batch = [stale, done, queued, fine, uuidv7()].map((id) =>
    write(id, id === fine ? {} : { move: { to: "failed", error: { code: "x", message: "y" } } }),
  );
  assert.deepEqual([...(await writeJournal(database, batch)).held], [batch[3]]);
  for (const id of [stale, done, queued]) assert.deepEqual(await bed.steps(id), []);
  assert.equal((await bed.execution(stale)).status, "running");
  assert.equal((await bed.execution(done)).output, 1);
  assert.equal((await bed.steps(fine)).length, 1);
});

test("the old and the new claim of one execution in one batch: only the new one writes", async () => {
  const id = await running({ fence: 3 });
  const old = write(id, { fence: 2, steps: [stepOf("zombie")] });
  const now = write(id, { fence: 3, steps: [stepOf("fresh")] });
  assert.deepEqual([...(await writeJournal(database, [old, now])).held], [now]);
  assert.deepEqual(
    (await bed.steps(id)).map((step) => step.node_id),
    ["fresh"],
  );
});

test("a step's end replaces its start and is final", async () => {
  const id = await running();
  const at = (status: "running" | "succeeded" | "failed", output: unknown, seq: number) =>
    writeJournal(database, [write(id, { steps: [stepOf("a", { status, output, seq })] })]);
  await at("running", null, 1);
  await at("succeeded", "first", 2);
  await at("failed", "second", 3);
  const [step, ...more] = await bed.steps(id);
  assert.equal(more.length, 0);
  assert.equal(step?.status, "succeeded");
  assert.equal(step?.output, "first");
  assert.equal(step?.seq, 2);
  await assert.rejects(
    bed.admin.query("update execution_steps set output = '2' where execution_id = $1", [id]),
    /final/,
  );
});

test("no statement of anybody changes a finished execution", async () => {
  for (const status of ["succeeded", "failed", "cancelled"]) {
    const id = await bed.addExecution({ status, output: "1" });
    const change = (set: string) =>
      bed.admin.query(`update workflow_executions set ${set} where id = $1`, [id]);
    for (const set of [
      "status = 'queued'",
      "output = '2'",
      "cancel_requested_at = now()",
      "watched = true",
    ]) {
      await assert.rejects(change(set), /final/, `${status}: ${set}`);
    }
  }
});

test("each way to let go leaves the row as the next one needs it", async () => {
  const queued = await running({ wake: 4, crash_count: 2 });
  const waiting = await running({ crash_count: 2 });
  const error = { code: "no_stock", message: "Nothing left", nodeId: "buy" };
  const failed = await running();
  await writeJournal(database, [
    write(queued, { move: { to: "queued" } }),
    write(waiting, { move: { to: "waiting" }, steps: [] }),
    write(failed, { move: { to: "failed", error } }),
  ]);
  const first = await bed.execution(queued);
  assert.deepEqual(
    [first.status, first.wake, first.finished_at, first.lease_until, first.crash_count],
    ["queued", 5, null, null, 2],
  );
  const second = await bed.execution(waiting);
  assert.deepEqual(
    [second.status, second.finished_at, second.crash_count],
    ["waiting", null, 0],
    "it has come as far as to wait: that workers died before is forgotten",
  );
  const third = await bed.execution(failed);
  assert.deepEqual([third.status, third.error], ["failed", error]);
});

test("a cancel that came in time ends what would wait or be handed back", async () => {
  const cancelled = () => running({ cancel_requested_at: new Date() });
  const parked = await cancelled();
  await writeJournal(database, [write(parked, { move: { to: "waiting" } })]);
  const returned = await cancelled();
  await writeJournal(database, [write(returned, { move: { to: "queued" } })]);
  const beside = await cancelled();
  await writeJournal(database, [
    write(beside, { move: { to: "queued" } }),
    write(await running(), { move: { to: "waiting" } }),
  ]);
  for (const id of [parked, returned, beside]) {
    const row = await bed.execution(id);
    assert.equal(row.status, "cancelled");
    assert.equal((row.error as { code: string }).code, "cancelled");
    assert.ok(row.finished_at);
  }
});

test("only changes of watched executions are notified, once per commit", async () => {
  const client = await database.connect("listener");
  const heard: (string | undefined)[] = [];
  client.on("notification", (message) => heard.push(message.payload));
  await client.query("listen atelier_executions");
  const [watched, other] = [await running({ watched: true }), await running()];
  await writeJournal(database, [write(watched, { steps: [stepOf("a"), stepOf("b")] }), write(other)]);
  await writeJournal(database, [write(other, { steps: [], move: { to: "succeeded" } })]);
  await writeJournal(database, [write(watched, { steps: [], move: { to: "succeeded" } })]);
  while (heard.length < 2) await delay(5);
  await client.query("select 1");
  assert.deepEqual(heard, [watched, watched]);
  await client.end();
});

test("renewals and batches of finishes over the same rows, in opposite orders, never stop each other", async () => {
  const ids = await Promise.all(Array.from({ length: 60 }, () => running()));
  const rounds = Array.from({ length: 30 }, async (_, round) => {
    const steps = [stepOf(`n${round}`, { seq: round + 1 })];
    await writeJournal(
      database,
      ids.toReversed().map((id) => write(id, { steps })),
    );
  });
  const renewals = Array.from({ length: 30 }, async () => {
    const renewed = await renewLeases(database, { owner, ids, leaseMs: 8_000 });
    assert.equal(renewed.length, ids.length, "a row that is being written is not lost");
  });
  await Promise.all([...rounds, ...renewals]);
  const blocker = await bed.admin.connect();
  await blocker.query("begin");
  await blocker.query("select 1 from workflow_executions where id = $1 for update", [ids[30]]);
  const finished = writeJournal(
    database,
    ids.toReversed().map((id) => write(id, { steps: [], move: { to: "succeeded" } })),
  );
  await untilBlocked();
  const renewed = await renewLeases(database, { owner, ids, leaseMs: 8_000 });
  assert.equal(renewed.length, ids.length, "a renewal does not wait for rows");
  await blocker.query("commit");
  blocker.release();
  assert.equal((await finished).held.size, ids.length);
});

async function untilBlocked(): Promise<void> {
  for (;;) {
    const { rowCount } = await bed.admin.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rowCount) return;
    await delay(10);
  }
}
