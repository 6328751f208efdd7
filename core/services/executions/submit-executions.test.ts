// Submissions through the service: one commit for many, keys, refusals with their reason, and a queue that may be away.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { QUIET_MS } from "../../domain/execution.ts";
import type { Database } from "../../persistence/database.ts";
import { createExecutionQueue, type ExecutionQueue } from "../../queue/execution-queue.ts";
import { createBacklogGuard } from "./guard-backlogs.ts";
import { createExecutionSubmitter, type ExecutionSubmitter } from "./submit-executions.ts";

let bed: ExecutionBed;
let database: Database;
let queue: ExecutionQueue;
let submitter: ExecutionSubmitter;
const ringFailures: unknown[] = [];

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_api", 6);
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_api" });
  submitter = createExecutionSubmitter({
    database,
    queue,
    backlogs: createBacklogGuard(100_000),
    onRingFailed: (error) => ringFailures.push(error),
  });
});
after(async () => {
  await submitter?.drain();
  await queue?.close();
  await bed?.close();
});

const auditOf = async (id: string) =>
  (await bed.admin.query("select action, actor_id from audit_logs where target_id = $1", [id])).rows;

test("an accepted submission is a committed row with its audit entry, and its bell is rung", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const done = await submitter.submit(ada, { workflowId, input: { a: 1 }, priority: 3 });
  const row = await bed.execution(done.id);
  assert.deepEqual([row.status, row.priority, row.user_id, done.made], ["queued", 3, ada.userId, true]);
  assert.deepEqual(await auditOf(done.id), [{ action: "execution.submitted", actor_id: ada.userId }]);
  while ((await queue.find([{ executionId: done.id, wake: 0, band: 0 }]))[0] !== "waiting")
    await new Promise(setImmediate);
});

test("one for later is not rung before its time", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const { id } = await submitter.submit(ada, { workflowId, input: null, runAt: "2100-01-01T00:00:00.000Z" });
  const next = await submitter.submit(ada, { workflowId, input: null });
  while ((await queue.find([{ executionId: next.id, wake: 0, band: 0 }]))[0] !== "waiting")
    await new Promise(setImmediate);
  assert.deepEqual(await queue.find([{ executionId: id, wake: 0, band: 0 }]), ["gone"]);
  const { rung_at, available_at } = await bed.execution(id);
  assert.equal(
    Number(available_at) - Number(rung_at),
    QUIET_MS,
    "recovery looks at it when its time has come",
  );
});

test("the same key and request give the same execution, another request a mismatch, side by side and later", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const send = (n: number) => submitter.submit(ada, { workflowId, input: { n } }, { key: "order-1" });
  const first = await Promise.all(Array.from({ length: 50 }, () => send(1)));
  assert.equal(new Set(first.map(({ id }) => id)).size, 1);
  assert.equal(first.filter(({ made }) => made).length, 1);
  assert.equal((await send(1)).id, first[0]?.id);
  await assert.rejects(send(2), { code: "idempotency_mismatch" });
  const { rowCount } = await bed.admin.query("select from workflow_executions where user_id = $1", [
    ada.userId,
  ]);
  assert.equal(rowCount, 1);
  assert.equal((await auditOf(first[0]?.id ?? "")).length, 1, "a repetition is no new submission");
});

test("the order of an input's keys does not make another request", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const one = await submitter.submit(ada, { workflowId, input: { a: 1, b: 2 } }, { key: "k" });
  const two = await submitter.submit(ada, { workflowId, input: { b: 2, a: 1 } }, { key: "k" });
  assert.equal(two.id, one.id);
});

test("refusals say why, and strangers learn nothing; neighbours in the batch are accepted", async () => {
  const [ada, eve] = [await bed.addPerson(), await bed.addPerson()];
  const viewer = await bed.addPerson("viewer", ada.workspaceId);
  const workflowId = await bed.addWorkflow(ada);
  const results = await Promise.allSettled([
    submitter.submit(eve, { workflowId, input: null }),
    submitter.submit(viewer, { workflowId, input: null }),
    submitter.submit(ada, { workflowId: uuidv7(), input: null }),
    submitter.submit(ada, { workflowId, input: null, version: 7 }),
    submitter.submit(ada, { workflowId, input: null, trigger: "nowhere" }),
    submitter.submit(ada, { workflowId, input: null, trigger: "start" }),
  ]);
  assert.deepEqual(
    results.map((result) => (result.status === "rejected" ? result.reason.code : "accepted")),
    ["not_found", "forbidden", "not_found", "not_found", "invalid_trigger", "accepted"],
  );
  const { rowCount } = await bed.admin.query("select from workflow_executions where workflow_id = $1", [
    workflowId,
  ]);
  assert.equal(rowCount, 1);
});

test("an input PostgreSQL cannot hold is refused alone", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const inputs = ["fine", "nul \0", "also fine"];
  const results = await Promise.allSettled(
    inputs.map((input) => submitter.submit(ada, { workflowId, input })),
  );
  assert.deepEqual(
    results.map((result) => (result.status === "rejected" ? result.reason.code : "accepted")),
    ["accepted", "invalid_text", "accepted"],
  );
});

test("that nobody hears of what was not made says nothing about workers", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  let dropped = 0;
  const start = { call: async () => 0, isHeard: Promise.resolve(false), drop: () => dropped++ };
  const dependencies = { database, queue, backlogs: createBacklogGuard(100_000) };
  const other = createExecutionSubmitter({
    ...dependencies,
    onRingFailed: (error) => ringFailures.push(error),
    eagerStarts: { plan: () => start },
  });
  await other.submit(ada, { workflowId, input: "fine" }, { watched: true });
  assert.equal(dropped, 0);
  await assert.rejects(other.submit(ada, { workflowId, input: "nul \0" }, { watched: true }));
  assert.equal(dropped, 1);
  await other.drain();
});

test("a queue that is away does not hold up the answer, nor lose the row", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const away = createExecutionQueue({
    kind: "postgres",
    databaseUrl: "postgresql://x:y@127.0.0.1:1/z",
    role: "x",
  });
  const failed = Promise.withResolvers<unknown>();
  const other = createExecutionSubmitter({
    database,
    queue: away,
    backlogs: createBacklogGuard(100_000),
    onRingFailed: failed.resolve,
  });
  const { id } = await other.submit(ada, { workflowId, input: null });
  assert.equal((await bed.execution(id)).status, "queued");
  assert.ok(await failed.promise);
  await away.close();
});

test("connections cut under load: every submission is accepted once or refused as unavailable, never both or neither", async () => {
  const ada = await bed.addPerson();
  const workflowId = await bed.addWorkflow(ada);
  const sent = Array.from({ length: 200 }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n));
    return submitter.submit(ada, { workflowId, input: n }, { key: `n${n}` });
  });
  const settled = Promise.allSettled(sent);
  for (let cut = 0; cut < 6; cut++) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    await bed.cutConnections();
  }
  const results = await settled;
  const codes = new Set(
    results.flatMap((result) => (result.status === "rejected" ? [result.reason.code] : [])),
  );
  assert.ok(
    [...codes].every((code) => code === "database_unavailable"),
    [...codes].join(),
  );
  for (const [n, result] of results.entries()) {
    const again = await submitter.submit(ada, { workflowId, input: n }, { key: `n${n}` });
    if (result.status === "fulfilled") assert.equal(again.id, result.value.id);
  }
  const { rowCount } = await bed.admin.query("select from workflow_executions where workflow_id = $1", [
    workflowId,
  ]);
  assert.equal(rowCount, 200);
});
