// Batches of expiry beside what happens at the same time: a hold that is being set, another scheduler that tells the sum.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import { type Database, NOBODY } from "../database.ts";
import { updateLegalHold } from "../identity/workspaces.ts";
import { expireBatch, type RetentionTask, takeRetentionSum } from "./expired-executions.ts";

let bed: ExecutionBed;
let scheduler: Database;
before(async () => {
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
});
after(() => bed?.close());

/** A workspace that keeps nothing longer than a day, with three executions of ten days ago. */
async function addExpired(): Promise<RetentionTask & { userId: string }> {
  const { workspaceId, userId } = await bed.addPerson();
  await bed.admin.query("update workspaces set execution_days = 1 where id = $1", [workspaceId]);
  for (let n = 0; n < 3; n += 1) {
    const msecs = Date.now() - 10 * 86_400_000 + n;
    const id = uuidv7({ msecs });
    const ended = { status: "succeeded", created_at: new Date(msecs), finished_at: new Date(msecs) };
    await bed.addExecution({ id, root_id: id, workspace_id: workspaceId, ...ended });
  }
  return { workspaceId, userId, part: "executions" };
}

const take = (task: RetentionTask) =>
  scheduler.transaction(NOBODY, (tx) => expireBatch(tx, task, { after: null, limit: 2 }));

async function untilSomebodyWaits(): Promise<void> {
  const waiting = "select from pg_locks where not granted and locktype in ('transactionid', 'tuple')";
  for (const until = Date.now() + 20_000; (await bed.admin.query(waiting)).rowCount === 0; )
    if (Date.now() > until) throw new Error("nobody waited");
}

test("a hold waits for the batch under way, and after it no batch takes anything", async () => {
  const task = await addExpired();
  const principals = { userId: task.userId, workspaceIds: [task.workspaceId] };
  const api = bed.open("atelier_api");
  const order: string[] = [];
  let setting: Promise<unknown> = Promise.resolve();
  await scheduler.transaction(NOBODY, async (tx) => {
    assert.equal((await expireBatch(tx, task, { after: null, limit: 2 })).executions, 2);
    const hold = { by: task.userId, reason: "a court" };
    setting = api
      .transaction(principals, (held) => updateLegalHold(held, task.workspaceId, hold))
      .then(() => order.push("held"));
    await untilSomebodyWaits();
    order.push("batch");
  });
  await setting;
  assert.deepEqual(order, ["batch", "held"]);
  assert.deepEqual([(await take(task)).state, (await take(task)).executions], ["kept", 0]);
});

test("a batch does not wait for a hold that is being set, it takes nothing", async () => {
  const task = await addExpired();
  const principals = { userId: task.userId, workspaceIds: [task.workspaceId] };
  await bed.open("atelier_api").transaction(principals, async (tx) => {
    await updateLegalHold(tx, task.workspaceId, { by: task.userId, reason: "a court" });
    assert.equal((await take(task)).state, "kept");
  });
});

test("of two that take the sum at once one has it", async () => {
  const task = await addExpired();
  await take(task);
  const second = bed.open("atelier_scheduler");
  let other: Promise<unknown> = Promise.resolve();
  await scheduler.transaction(NOBODY, async (tx) => {
    assert.equal((await takeRetentionSum(tx, task))?.executions, 2);
    other = second.transaction(NOBODY, (mine) => takeRetentionSum(mine, task));
    await untilSomebodyWaits();
  });
  assert.equal(await other, null);
});
