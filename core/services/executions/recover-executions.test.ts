// Recovery over a real database and queue: what is taken back, what is rung again and what is left in peace.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Database } from "../../persistence/database.ts";
import { consumeBells } from "../../queue/bell-consumer.ts";
import { createExecutionQueue, type ExecutionQueue } from "../../queue/execution-queue.ts";
import type { QueueBackend } from "../../queue/queue-backend.ts";
import { recoverExecutions } from "./recover-executions.ts";

let bed: ExecutionBed;
let database: Database;
let queue: ExecutionQueue;
let backend: QueueBackend;

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_scheduler");
  backend = { kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_worker" };
  queue = createExecutionQueue({ ...backend, role: "atelier_scheduler" });
});
after(async () => {
  await queue?.close();
  await bed?.close();
});

const quiet = { rung_at: "2000-01-01" };
const ringOf = (executionId: string, wake = 0) => ({ executionId, wake, priority: 0, band: 0 });

test("a queued execution the queue knows nothing of is rung under a new wake, once", async () => {
  const id = await bed.addExecution({ ...quiet, priority: 8 });
  assert.equal((await recoverExecutions(database, queue)).rung, 1);
  assert.equal((await bed.execution(id)).wake, 1);
  assert.deepEqual(await queue.find([ringOf(id), ringOf(id, 1)]), ["gone", "waiting"]);
  assert.equal((await recoverExecutions(database, queue)).rung, 0);
  await bed.admin.query("update workflow_executions set rung_at = '2000-01-01' where id = $1", [id]);
  assert.equal((await recoverExecutions(database, queue)).rung, 0, "it waits in the queue");
  assert.equal((await bed.execution(id)).wake, 1);
});

test("one that was rung a moment ago, runs, waits, is not due or has ended is left in peace", async () => {
  const ids = await Promise.all([
    bed.addExecution({ rung_at: new Date() }),
    bed.addExecution({ ...quiet, available_at: "2100-01-01" }),
    bed.addExecution({ ...quiet, status: "running", lease_until: "2100-01-01" }),
    bed.addExecution({ ...quiet, status: "waiting", available_at: "2100-01-01" }),
    bed.addExecution({ ...quiet, status: "failed" }),
  ]);
  assert.deepEqual(await recoverExecutions(database, queue), { reaped: [], woken: 0, rung: 0, failed: [] });
  for (const id of ids) assert.equal((await bed.execution(id)).wake, 0);
});

test("a bell that a worker took without claiming anything is rung again, one by one under a new wake", {
  timeout: 30_000,
}, async () => {
  const bell = uuidv7();
  const ids = [await bed.addExecution({ ...quiet, bell }), await bed.addExecution({ ...quiet, bell })];
  const rings = ids.map((id) => ({ ...ringOf(id), priority: 10, bell }));
  await queue.ring(rings);
  assert.equal((await recoverExecutions(database, queue)).rung, 0, "it waits in the queue");
  const taken = Promise.withResolvers<void>();
  const handle = (heard: readonly string[]) => void (heard.includes(ids[0] ?? "") && taken.resolve());
  const idle = await consumeBells({ backend, awaitRoom: async () => {}, handle, onError: () => {} });
  await taken.promise;
  await idle.stop();
  for (const id of ids)
    await bed.admin.query("update workflow_executions set rung_at = $2 where id = $1", [id, quiet.rung_at]);
  assert.equal((await recoverExecutions(database, queue)).rung, 2);
  assert.deepEqual(await queue.find(ids.map((id) => ringOf(id, 1))), ["waiting", "waiting"]);
});

test("what a dead worker held is queued and rung in the same pass", async () => {
  const id = await bed.addExecution({
    status: "running",
    fence: 1,
    wake: 4,
    band: 20,
    lease_owner: uuidv7(),
    lease_until: "2000-01-01",
  });
  const { reaped } = await recoverExecutions(database, queue);
  const [row, ...others] = reaped;
  assert.deepEqual(row, {
    id,
    wake: 5,
    priority: 0,
    band: 20,
    status: "queued",
    crashed: true,
    goneErrorWorkflowId: null,
  });
  assert.deepEqual(others, []);
  assert.deepEqual(await queue.find([{ ...ringOf(id, 5), band: 20 }]), ["waiting"]);
});

test("a queue out of reach stops no reaping: the rows are queued, the next pass rings", async () => {
  const id = await bed.addExecution({
    status: "running",
    fence: 1,
    lease_owner: uuidv7(),
    lease_until: "2000-01-01",
  });
  const away = createExecutionQueue({
    kind: "postgres",
    databaseUrl: "postgresql://x:y@127.0.0.1:1/z",
    role: "x",
  });
  await assert.rejects(recoverExecutions(database, away));
  assert.equal((await bed.execution(id)).status, "queued");
  await bed.admin.query("update workflow_executions set rung_at = '2000-01-01' where id = $1", [id]);
  assert.equal((await recoverExecutions(database, queue)).rung, 1);
  await away.close();
});
