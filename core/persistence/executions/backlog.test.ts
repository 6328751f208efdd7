// What waits and runs, counted as the scheduler does it; the cost stays when a history grows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Database } from "../database.ts";
import { hasBacklog, takeCensus } from "./backlog.ts";
import { forgetWorkers, listWorkers, recordStop, registerWorker } from "./workers.ts";

let bed: ExecutionBed;
let scheduler: Database;
let worker: Database;

const HISTORY = 30_000;
const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1_000);

before(async () => {
  bed = await createExecutionBed();
  scheduler = bed.open("atelier_scheduler");
  worker = bed.open("atelier_worker");
});
after(() => bed?.close());

const addWorker = async (beatAgo: number) => {
  const id = uuidv7();
  await registerWorker(worker, { id, host: "here", pid: 1, concurrency: 1 });
  await bed.admin.query("update workers set heartbeat_at = $2 where id = $1", [id, secondsAgo(beatAgo)]);
  return id;
};

const addApproval = (columns: Record<string, unknown>) => {
  const row = { id: uuidv7(), workspace_id: uuidv7(), execution_id: uuidv7(), node_id: "ask", ...columns };
  const names = Object.keys(row);
  const values = names.map((_, index) => `$${index + 1}`);
  return bed.admin.query(`insert into approvals (${names}) values (${values})`, Object.values(row));
};

test("nothing anywhere is a backlog of none", async () => {
  assert.equal(await hasBacklog(worker), false);
  const none = {
    ...{ due: 0, later: 0, running: 0, oldestSeconds: 0, orphaned: 0, waiting: 0 },
    ...{ approvals: 0, oldestApprovalSeconds: 0, alive: 0, silent: 0 },
  };
  assert.deepEqual(await takeCensus(scheduler, 8_000), none);
});

test("what is due, what is for later, what runs, whose lease ran out, and who beats", async () => {
  await bed.addExecution({ available_at: secondsAgo(-3_600) });
  assert.equal(await hasBacklog(worker), false, "nothing of it could be claimed");
  await bed.addExecution({ available_at: secondsAgo(120) });
  await bed.addExecution({ available_at: secondsAgo(5) });
  const running = { status: "running", fence: 1, lease_owner: uuidv7() };
  await bed.addExecution({ ...running, lease_until: secondsAgo(-60) });
  await bed.addExecution({ ...running, lease_until: secondsAgo(3) });
  await bed.addExecution({ status: "succeeded" });
  await bed.addExecution({ status: "waiting", available_at: secondsAgo(-60) });
  await bed.addExecution({ status: "waiting", available_at: "infinity" });
  await addApproval({ created_at: secondsAgo(300) });
  await addApproval({ created_at: secondsAgo(20) });
  await addApproval({ created_at: secondsAgo(9_000), status: "approved", decided_at: new Date() });
  await addWorker(0);
  await addWorker(60);
  await addWorker(3_600);
  await recordStop(worker, await addWorker(1));
  assert.equal(await hasBacklog(worker), true);
  assert.equal(await hasBacklog(worker, { from: 16 }), false, "none of it is of a busy band");
  const census = await takeCensus(scheduler, 8_000);
  assert.ok(census);
  const { oldestSeconds, oldestApprovalSeconds, ...counts } = census;
  const workers = { alive: 1, silent: 1 };
  assert.deepEqual(counts, {
    ...{ due: 2, later: 1, running: 2, orphaned: 1, waiting: 2, approvals: 2 },
    ...workers,
  });
  assert.ok(oldestApprovalSeconds >= 300 && oldestApprovalSeconds < 360, String(oldestApprovalSeconds));
  assert.ok(oldestSeconds >= 120 && oldestSeconds < 180, String(oldestSeconds));
});

test("what is queued for later hides nothing that is due, and what is due in one band nothing of another", async () => {
  await bed.admin.query("update workflow_executions set status = 'cancelled' where status = 'queued'");
  const later = { available_at: secondsAgo(-3_600), rung_at: secondsAgo(-3_597) };
  for (let n = 0; n < 3; n++) await bed.addExecution(later);
  assert.equal(await hasBacklog(worker), false);
  await bed.addExecution({ band: 18, rung_at: secondsAgo(1) });
  assert.equal(await hasBacklog(worker), true);
  assert.equal(await hasBacklog(worker, { from: 16 }), true);
  assert.equal(await hasBacklog(worker, { below: 16 }), false);
  const census = await takeCensus(scheduler, 8_000);
  assert.deepEqual([census?.due, census?.later], [1, 3]);
});

test("workers are listed with their state, newest first, and forgotten when they are long gone", async () => {
  const states = (await listWorkers(worker, { before: undefined, limit: 10, silentMs: 8_000 })).map(
    ({ state }) => state,
  );
  assert.deepEqual(states, ["stopped", "silent", "silent", "alive"]);
  await addWorker(40 * 86_400);
  assert.equal(await forgetWorkers(scheduler, 30), 1);
});

test("what is read does not grow with history", async () => {
  const plans = async () => {
    const seen: { text: string; values: unknown[] }[] = [];
    const spy = async (statement: { text: string; values: unknown[] }) => void seen.push(statement);
    const executor = { many: spy, one: spy, run: spy } as unknown as Database;
    await takeCensus(executor, 8_000);
    await hasBacklog(executor);
    return Promise.all(
      seen.map(async ({ text, values }) => {
        const { rows } = await bed.admin.query(`explain (analyze, buffers, format json) ${text}`, values);
        const [{ Plan: plan }] = rows[0]["QUERY PLAN"];
        return (plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]) as number;
      }),
    );
  };
  await bed.admin.query("vacuum analyze workflow_executions");
  const before = await plans();
  await bed.admin.query(
    `insert into workflow_executions (id, workspace_id, workflow_id, version, user_id, root_id, status, rung_at, finished_at)
     select id, $1, $1, 1, $1, id, 'succeeded', now(), now()
     from (select uuidv7() as id from generate_series(1, ${HISTORY})) made`,
    [uuidv7()],
  );
  await bed.admin.query(
    `insert into approvals (id, workspace_id, execution_id, node_id, status, decided_at)
     select uuidv7(), $1, uuidv7(), 'ask', 'approved', now() from generate_series(1, ${HISTORY})`,
    [uuidv7()],
  );
  await bed.admin.query("vacuum analyze workflow_executions");
  await bed.admin.query("vacuum analyze approvals");
  const after = await plans();
  assert.equal(after.length, 2);
  for (const [index, blocks] of after.entries()) {
    assert.ok(blocks <= (before[index] ?? 0) + 20, `${before[index]} → ${blocks} blocks`);
  }
});
