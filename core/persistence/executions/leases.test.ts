// Taking back what dead workers held, ringing again, and the races that must leave exactly one end.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Database } from "../database.ts";
import { expireLeases } from "../expire-leases.ts";
import { claimExecutions } from "./claim-executions.ts";
import { cancelExecution } from "./executions.ts";
import { endLeases, reapExecutions, renewLeases } from "./leases.ts";
import { findUnheard, markRung } from "./rings.ts";
import { registerWorker } from "./workers.ts";
import { writeJournal } from "./write-journal.ts";

let bed: ExecutionBed;
let scheduler: Database;
let worker: Database;

before(async () => {
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler", 8);
  worker = bed.open("atelier_worker", 8);
});
after(() => bed?.close());

const expired = { status: "running", fence: 3, lease_owner: uuidv7(), lease_until: "2000-01-01" };
const reap = (limit = 100) => reapExecutions(scheduler, { maxCrashes: 3, limit, silentMs: 8_000 });

test("only expired leases are taken back: queued, a crash more, under a new wake and fence", async () => {
  const dead = await bed.addExecution({ ...expired, wake: 7, priority: 4 });
  const alive = await bed.addExecution({ ...expired, lease_until: "2100-01-01" });
  const waiting = await bed.addExecution({ ...expired, status: "waiting" });
  assert.deepEqual(await reap(), [
    { id: dead, wake: 8, priority: 4, band: 0, status: "queued", crashed: true, goneErrorWorkflowId: null },
  ]);
  const row = await bed.execution(dead);
  assert.deepEqual(
    [row.status, row.crash_count, row.fence, row.lease_owner, row.error],
    ["queued", 1, 4, null, null],
  );
  for (const id of [alive, waiting]) assert.equal((await bed.execution(id)).fence, 3);
  assert.deepEqual(await reap(), []);
});

test("a cancel that was asked for is carried out by the reaper", async () => {
  const id = await bed.addExecution({ ...expired, cancel_requested_at: new Date(), crash_count: 2 });
  await reap();
  const row = await bed.execution(id);
  assert.equal(row.status, "cancelled");
  assert.deepEqual(row.error, { code: "cancelled", message: "Cancelled on request" });
  assert.ok(row.finished_at);
});

test("the third dead worker fails the execution with worker_lost", async () => {
  const id = await bed.addExecution({ ...expired, crash_count: 2 });
  await reap();
  const row = await bed.execution(id);
  assert.equal(row.status, "failed");
  assert.equal((row.error as { code: string }).code, "worker_lost");
  assert.ok(row.finished_at);
});

test("a worker that still beats has not died of it: the execution is queued again, no crash is counted", async () => {
  const owner = uuidv7();
  await registerWorker(worker, { id: owner, host: "here", pid: 1, concurrency: 1 });
  const id = await bed.addExecution({ ...expired, lease_owner: owner, crash_count: 2 });
  assert.deepEqual(
    (await reap()).map(({ crashed }) => crashed),
    [false],
  );
  const row = await bed.execution(id);
  assert.deepEqual([row.status, row.crash_count], ["queued", 2]);
});

test("a worker whose leases were ended is dead, however fresh its last beat", async () => {
  const owner = uuidv7();
  await registerWorker(worker, { id: owner, host: "here", pid: 1, concurrency: 1 });
  const id = await bed.addExecution({ ...expired, lease_owner: owner, lease_until: "2100-01-01" });
  await endLeases(scheduler, owner);
  await reap();
  const row = await bed.execution(id);
  assert.deepEqual([row.status, row.crash_count], ["queued", 1]);
});

test("a row that is being written is left alone; the limit is kept", async () => {
  const [busy, ...others] = await Promise.all(Array.from({ length: 4 }, () => bed.addExecution(expired)));
  const blocker = await bed.admin.connect();
  await blocker.query("begin");
  await blocker.query("select 1 from workflow_executions where id = $1 for update", [busy]);
  assert.equal((await reap(2)).length, 2);
  const rest = await reap();
  assert.equal(rest.length, 1);
  assert.ok(!rest.some(({ id }) => id === busy));
  await blocker.query("commit");
  blocker.release();
  assert.deepEqual(
    (await reap()).map(({ id }) => id),
    [busy],
  );
  assert.equal(others.length, 3);
});

test("several reapers at once take each execution back once", async () => {
  const ids = await Promise.all(Array.from({ length: 40 }, () => bed.addExecution(expired)));
  const reaped = (await Promise.all(Array.from({ length: 6 }, () => reap()))).flat();
  assert.equal(reaped.length, 40);
  for (const id of ids) assert.equal((await bed.execution(id)).crash_count, 1);
});

test("a known death ends the leases of that worker only, for the supervisor too", async () => {
  const [dead, other] = [uuidv7(), uuidv7()];
  const live = { ...expired, lease_until: "2100-01-01" };
  const mine = await bed.addExecution({ ...live, lease_owner: dead });
  await bed.addExecution({ ...live, lease_owner: other });
  assert.equal(await endLeases(scheduler, dead), 1);
  assert.deepEqual(
    (await reap()).map(({ id }) => id),
    [mine],
  );
  assert.equal(await expireLeases({ databaseUrl: bed.databaseUrl, workerId: other }), 1);
});

test("a renewal names what is still held, under which fence, and extends nothing else", async () => {
  const owner = uuidv7();
  const row = { ...expired, lease_owner: owner };
  const [mine, lost, done] = await Promise.all([
    bed.addExecution({ ...row, cancel_requested_at: new Date() }),
    bed.addExecution({ ...row, lease_owner: uuidv7(), lease_until: "2100-01-01" }),
    bed.addExecution({ ...row, status: "queued", lease_owner: null }),
  ]);
  const ids = [mine, lost, done].filter((id) => id !== undefined);
  assert.deepEqual(await renewLeases(worker, { owner, ids, leaseMs: 8_000 }), [
    { id: mine, fence: 3, cancelRequested: true },
  ]);
  assert.ok(((await bed.execution(mine)).lease_until as Date) > new Date());
  await bed.admin.query("update workflow_executions set status = 'queued' where status = 'running'");
});

test("unheard: queued, due and quiet for so long, the longest first", async () => {
  await bed.admin.query("update workflow_executions set status = 'cancelled' where status = 'queued'");
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);
  const [old, older] = [
    await bed.addExecution({ rung_at: ago(10) }),
    await bed.addExecution({ rung_at: ago(20) }),
  ];
  await bed.addExecution({ rung_at: ago(1) });
  await bed.addExecution({ rung_at: ago(30), available_at: "2100-01-01" });
  await bed.addExecution({ rung_at: ago(30), status: "waiting" });
  const find = async (limit: number) =>
    (await findUnheard(scheduler, { quietMs: 5_000, limit })).map(({ id }) => id);
  assert.deepEqual(await find(10), [older, old]);
  assert.deepEqual(await find(1), [older]);
  await Promise.all(Array.from({ length: 3 }, () => bed.addExecution({ rung_at: ago(60), band: 17 })));
  assert.deepEqual((await find(4)).slice(0, 1), [older], "nobody waits behind another band's backlog");
  assert.ok((await find(4)).includes(old));
});

test("marking rung: quiet begins anew, a new wake when asked, and nothing for who moved on meanwhile", async () => {
  const rung_at = "2000-01-01";
  const [kept, claimed, woken] = [
    await bed.addExecution({ rung_at, wake: 2, priority: 5 }),
    await bed.addExecution({ rung_at, wake: 2, status: "running" }),
    await bed.addExecution({ rung_at, wake: 3 }),
  ];
  const due = [kept, claimed, woken].map((id) => ({ id, wake: 2, priority: 0, band: 0 }));
  assert.deepEqual(await markRung(scheduler, due, { newWake: false }), [
    { id: kept, wake: 2, priority: 5, band: 0 },
  ]);
  assert.deepEqual(await markRung(scheduler, due, { newWake: true }), [
    { id: kept, wake: 3, priority: 5, band: 0 },
  ]);
  assert.ok(((await bed.execution(kept)).rung_at as Date) > new Date("2020-01-01"));
  assert.equal((await bed.execution(woken)).wake, 3);
  assert.deepEqual(await markRung(scheduler, [], { newWake: true }), []);
});

test("claims and rings over the same rows in opposite orders never stop each other", async () => {
  for (let round = 0; round < 10; round++) {
    const ids = await Promise.all(
      Array.from({ length: 40 }, () => bed.addExecution({ rung_at: "2000-01-01" })),
    );
    const due = ids.toReversed().map((id) => ({ id, wake: 0, priority: 0, band: 0 }));
    const claim = { ids, owner: uuidv7(), leaseMs: 8_000, crashesBelow: 3 };
    const [claimed] = await Promise.all([
      claimExecutions(worker, claim),
      markRung(scheduler, due, { newWake: true }),
      markRung(scheduler, due, { newWake: false }),
    ]);
    assert.equal(claimed.length, 40);
  }
});

test("1,000 races of finish, cancel, reap and hand-back: one end each, and it stays", async () => {
  const api = bed.open("atelier_api", 8);
  const userId = uuidv7();
  const workspace_id = uuidv7();
  for (let round = 0; round < 25; round++) {
    const ids = await Promise.all(
      Array.from({ length: 40 }, () => bed.addExecution({ ...expired, workspace_id })),
    );
    const moveOf = (index: number) =>
      index % 2 === 0 ? ({ to: "succeeded", output: 1 } as const) : ({ to: "queued" } as const);
    const [{ held }, , ...cancels] = await Promise.all([
      writeJournal(
        worker,
        ids.map((id, index) => ({ executionId: id, fence: 3, steps: [], move: moveOf(index) })),
      ),
      reap(),
      ...ids.map((id) =>
        api.transaction({ userId, workspaceIds: [workspace_id] }, (tx) => cancelExecution(tx, id, userId)),
      ),
    ]);
    await reap();
    for (const [index, id] of ids.entries()) {
      const row = await bed.execution(id);
      const finished = [...held].some((write) => write.executionId === id && write.move?.to === "succeeded");
      if (finished) assert.equal(row.status, "succeeded");
      // A cancel that was accepted ends it, at once or with the next look of whoever has it.
      else if (cancels[index]) {
        const ended = row.status === "cancelled" || (row.status === "queued" && row.cancel_requested_at);
        assert.ok(ended, `${row.status} after an accepted cancel`);
      } else assert.ok(["succeeded", "cancelled"].includes(String(row.status)), String(row.status));
    }
  }
});
