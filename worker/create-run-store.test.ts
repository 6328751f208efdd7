// Journal writes of a worker: group commit, stale fences, and patience while the database is away.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, stepOf } from "../test/support/executions.ts";
import { createRunStore } from "./create-run-store.ts";

let bed: ExecutionBed;

before(async () => {
  bed = await createExecutionBed();
});
after(() => bed?.close());

const running = (fence = 1) =>
  bed.addExecution({ status: "running", fence, lease_owner: uuidv7(), lease_until: "2100-01-01" });

test("a write whose connection is cut is written again and committed once", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const id = await running();
  const blocker = await bed.admin.connect();
  await blocker.query("begin");
  await blocker.query("select 1 from workflow_executions where id = $1 for update", [id]);
  const steps = [stepOf("a"), stepOf("b", { seq: 2 })];
  const written = store.write({ executionId: id, fence: 1, steps, move: { to: "succeeded", output: 7 } });
  await untilBlocked();
  assert.ok((await bed.cutConnections()) > 0);
  await untilBlocked();
  await blocker.query("commit");
  blocker.release();
  await written;
  assert.equal((await bed.execution(id)).status, "succeeded");
  assert.equal((await bed.steps(id)).length, 2);
});

async function untilBlocked(): Promise<void> {
  for (;;) {
    const { rowCount } = await bed.admin.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rowCount) return;
    await delay(20);
  }
}

test("a stale fence is lease_lost and takes none of its neighbours with it", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const ids = await Promise.all([running(), running(5), running()]);
  const results = await Promise.allSettled(
    ids.map((executionId) => store.write({ executionId, fence: 1, steps: [stepOf("a")] })),
  );
  assert.deepEqual(
    results.map((result) => (result.status === "rejected" ? result.reason.code : "written")),
    ["written", "lease_lost", "written"],
  );
});

test("a write that cannot be stored fails alone; what shared its commit is written", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const ids = await Promise.all(Array.from({ length: 9 }, () => running()));
  const results = await Promise.allSettled(
    ids.map((executionId, index) =>
      store.write({
        executionId,
        fence: 1,
        steps: [stepOf("a", { output: index === 4 ? "nul \0" : "fine" })],
      }),
    ),
  );
  assert.deepEqual(
    results.map((result) => result.status === "fulfilled"),
    ids.map((_, index) => index !== 4),
  );
  assert.equal((await bed.steps(ids[4] ?? "")).length, 0);
  assert.equal((await bed.steps(ids[8] ?? "")).length, 1);
});

test("drain resolves when what was handed over is committed", async () => {
  const store = createRunStore(bed.open("atelier_worker"));
  const id = await running();
  void store.write({ executionId: id, fence: 1, steps: [stepOf("a")] });
  await store.drain();
  assert.equal((await bed.steps(id)).length, 1);
});
