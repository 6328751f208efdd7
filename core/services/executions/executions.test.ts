// Executions through the service: who sees them, cancel, retry, waiting for the end, following live.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed, stepOf } from "../../../test/support/executions.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import {
  type ExecutionSignals,
  openExecutionSignals,
} from "../../persistence/executions/execution-signals.ts";
import { writeJournal } from "../../persistence/executions/write-journal.ts";
import { createExecutionQueue, type ExecutionQueue } from "../../queue/execution-queue.ts";
import { createReadRecorder } from "../audit/record-reads.ts";
import { createExecutionService, type ExecutionService } from "./executions.ts";
import { createBacklogGuard } from "./guard-backlogs.ts";
import { type ExecutionEvent, watchExecution } from "./watch-execution.ts";

let bed: ExecutionBed;
let database: Database;
let worker: Database;
let queue: ExecutionQueue;
let signals: ExecutionSignals;
let executions: ExecutionService;

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_api", 6);
  worker = bed.open("atelier_worker");
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_api" });
  signals = await openExecutionSignals(database, () => {});
  const reads = createReadRecorder({ database });
  const backlogs = createBacklogGuard(100_000);
  executions = createExecutionService({ database, reads, queue, signals, backlogs, onRingFailed: () => {} });
});
after(async () => {
  await signals?.close();
  await queue?.close();
  await bed?.close();
});

const add = (person: { workspaceId: string }, columns: Record<string, unknown> = {}) =>
  bed.addExecution({ workspace_id: person.workspaceId, ...columns });
const running = { status: "running", fence: 1, lease_owner: uuidv7(), lease_until: "2100-01-01" };
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "allowed",
    (error: { code: string }) => error.code,
  );
const auditOf = async (id: string) =>
  (await bed.admin.query("select action from audit_logs where target_id = $1", [id])).rows.map(
    (row) => row.action,
  );

test("strangers find nothing, viewers read and may not change, auditors read nothing", async () => {
  const ada = await bed.addPerson();
  const id = await add(ada, { status: "failed" });
  const ask = async (actor: Actor) =>
    Promise.all([
      codeOf(executions.get(actor, id)),
      codeOf(executions.steps(actor, id, { afterSeq: 0, limit: 10 })),
      codeOf(executions.cancel(actor, id)),
      codeOf(executions.retry(actor, id)),
      executions.list(actor, { limit: 10 }).then((items) => items.length),
    ]);
  const nothing = ["not_found", "not_found", "not_found", "not_found", 0];
  assert.deepEqual(await ask(await bed.addPerson()), nothing);
  const readOnly = ["allowed", "allowed", "forbidden", "forbidden", 1];
  assert.deepEqual(await ask(await bed.addPerson("viewer", ada.workspaceId)), readOnly);
  const blind = ["forbidden", "forbidden", "forbidden", "forbidden", 0];
  assert.deepEqual(await ask(await bed.addPerson("auditor", ada.workspaceId)), blind);
});

test("a list is newest first, filtered by status, workflow and time, and pages without a gap", async () => {
  const ada = await bed.addPerson();
  const workflow_id = uuidv7();
  const ids: string[] = [];
  for (let n = 0; n < 7; n++) ids.push(await add(ada, n % 2 === 0 ? { workflow_id, status: "failed" } : {}));
  ids.reverse();
  const list = async (filter: object) =>
    (await executions.list(ada, { limit: 10, ...filter })).map(({ id }) => id);
  assert.deepEqual(await list({}), ids);
  assert.deepEqual(await list({ limit: 3 }), ids.slice(0, 3));
  assert.deepEqual(await list({ limit: 3, before: ids[2] }), ids.slice(3, 6));
  assert.equal((await list({ status: "failed" })).length, 4);
  assert.equal((await list({ workflowId: workflow_id })).length, 4);
  assert.deepEqual(await list({ from: "2100-01-01T00:00:00.000Z" }), []);
  assert.deepEqual(await list({ to: "2100-01-01T00:00:00.000Z", from: "2000-01-01T00:00:00.000Z" }), ids);
});

test("cancel ends what is queued or waiting at once, asks the worker of what runs, and refuses what has ended", async () => {
  const ada = await bed.addPerson();
  for (const status of ["queued", "waiting"]) {
    const id = await add(ada, { status });
    assert.deepEqual(await executions.cancel(ada, id), { status: "cancelled" });
    const ended = await executions.get(ada, id);
    assert.deepEqual([ended.status, ended.error?.code], ["cancelled", "cancelled"]);
    assert.deepEqual(await auditOf(id), ["execution.cancel_requested"]);
    assert.equal(await codeOf(executions.cancel(ada, id)), "execution_finished");
  }
  const id = await add(ada, running);
  assert.deepEqual(await executions.cancel(ada, id), { status: "running" });
  assert.ok((await bed.execution(id)).cancel_requested_at);
});

test("a retry of a failed one is a new, rung, audited execution; of another it is a conflict without a trace", async () => {
  const ada = await bed.addPerson();
  const failed = await add(ada, { status: "failed", workflow_id: await bed.addWorkflow(ada) });
  const made = await executions.retry(ada, failed);
  assert.equal(made.retryOf, failed);
  assert.deepEqual(await auditOf(made.id), ["execution.retried"]);
  while ((await queue.find([{ executionId: made.id, wake: 0, band: 0 }]))[0] !== "waiting") await delay(5);
  assert.equal(
    await codeOf(executions.retry(ada, await add(ada, { workflow_id: await bed.addWorkflow(ada) }))),
    "conflict",
  );
  assert.equal((await executions.list(ada, { limit: 10 })).length, 3);
});

test("waiting for the end: woken by it, null in time, at once when it has ended already", {
  timeout: 30_000,
}, async () => {
  const ada = await bed.addPerson();
  const id = await add(ada, { ...running, watched: true });
  assert.equal(await executions.waitForEnd(ada, id, 30), null);
  const waiting = executions.waitForEnd(ada, id, 600_000);
  await writeJournal(worker, [
    { executionId: id, fence: 1, steps: [], move: { to: "succeeded", output: 42 } },
  ]);
  assert.equal((await waiting)?.output, 42);
  assert.equal((await executions.waitForEnd(ada, id, 0))?.status, "succeeded");
});

test("listening before the execution is there: its end is heard however soon it comes", {
  timeout: 30_000,
}, async () => {
  const ada = await bed.addPerson();
  const asked: string[] = [];
  const counted: Database = {
    ...database,
    transaction: (principals, work) => {
      asked.push("look");
      return database.transaction(principals, work);
    },
  };
  const reads = createReadRecorder({ database });
  const service = createExecutionService({
    database: counted,
    reads,
    queue,
    signals,
    backlogs: createBacklogGuard(100_000),
    onRingFailed: () => {},
  });
  const id = uuidv7();
  using end = service.listenForEnd(id);
  const waiting = end.waitForEnd(ada, 600_000);
  waiting.catch(() => {});
  await add(ada, { ...running, id, watched: true });
  assert.deepEqual(asked, []);
  await writeJournal(worker, [
    { executionId: id, fence: 1, steps: [], move: { to: "succeeded", output: 42 } },
  ]);
  assert.equal((await waiting)?.output, 42);
  assert.deepEqual(asked, ["look"]);
});

test("a wait goes on over cut connections, or gives up without an error", { timeout: 30_000 }, async () => {
  const ada = await bed.addPerson();
  const id = await add(ada, { ...running, watched: true });
  const waits = Array.from({ length: 10 }, () => executions.waitForEnd(ada, id, 20_000));
  await delay(20);
  await bed.cutConnections();
  await delay(20);
  await bed.cutConnections();
  const end = [{ executionId: id, fence: 1, steps: [], move: { to: "succeeded" as const } }];
  // The first try may meet a connection that was cut.
  for (let done = false; !done; )
    done = await writeJournal(worker, end).then(
      () => true,
      () => false,
    );
  for (const execution of await Promise.all(waits))
    assert.ok(execution === null || execution.status === "succeeded");
});

async function collect(actor: Actor, id: string, afterSeq = 0): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  const { signal } = new AbortController();
  const dependencies = { database, signals, executions };
  for await (const event of watchExecution(dependencies, () => actor, id, { afterSeq, signal }))
    events.push(event);
  return events;
}

const told = (events: readonly ExecutionEvent[]) =>
  events.map((event) => (event.type === "step" ? `${event.seq} ${event.step.nodeId}` : event.status));

test("following live: what was, each change, and the end last; a reconnect begins after what it saw", {
  timeout: 30_000,
}, async () => {
  const ada = await bed.addPerson();
  const id = await add(ada, running);
  const write = (seq: number, end = false) =>
    writeJournal(worker, [
      {
        executionId: id,
        fence: 1,
        steps: [stepOf(`n${seq}`, { seq })],
        ...(end ? { move: { to: "succeeded" as const } } : {}),
      },
    ]);
  await write(1);
  const following = collect(ada, id);
  while (!(await bed.execution(id)).watched) await delay(5);
  await write(2);
  await write(3, true);
  const all = told(await following);
  assert.deepEqual(
    all.filter((entry) => entry.includes(" ")),
    ["1 n1", "2 n2", "3 n3"],
  );
  assert.equal(all.at(-1), "succeeded");
  assert.deepEqual(told(await collect(ada, id, 2)), ["3 n3", "succeeded"]);
});

test("following a long history pages through it, in order, without loss", { timeout: 30_000 }, async () => {
  const ada = await bed.addPerson();
  const id = await add(ada, running);
  const steps = Array.from({ length: 450 }, (_, n) => stepOf("n", { iteration: `${n}`, seq: n + 1 }));
  await writeJournal(worker, [
    { executionId: id, fence: 1, steps, move: { to: "failed", error: { code: "x", message: "y" } } },
  ]);
  const events = await collect(ada, id);
  assert.deepEqual(
    events.slice(0, -1).map((event) => event.seq),
    steps.map((step) => step.seq),
  );
  const last = events.at(-1);
  assert.ok(last?.type === "status" && last.error?.code === "x");
});

test("following somebody else's execution is not_found and marks nothing", async () => {
  const ada = await bed.addPerson();
  const id = await add(ada);
  assert.equal(await codeOf(collect(await bed.addPerson(), id)), "not_found");
  assert.equal((await bed.execution(id)).watched, false);
});

test("a follower who leaves is let go", { timeout: 30_000 }, async () => {
  const ada = await bed.addPerson();
  const id = await add(ada);
  const leaving = new AbortController();
  const options = { afterSeq: 0, signal: leaving.signal };
  const seen: string[] = [];
  for await (const event of watchExecution({ database, signals, executions }, () => ada, id, options)) {
    seen.push(event.type);
    leaving.abort();
  }
  assert.deepEqual(seen, ["status"]);
});
