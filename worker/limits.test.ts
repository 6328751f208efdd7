// Three workers over one queue, and limits: never more at once than they allow, and all of them run without recovery.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { consumeBells } from "#core/queue/bell-consumer.ts";
import { createExecutionQueue, type ExecutionQueue } from "#core/queue/execution-queue.ts";
import type { QueueBackend } from "#core/queue/queue-backend.ts";
import { createBacklogGuard } from "#core/services/executions/guard-backlogs.ts";
import {
  createExecutionSubmitter,
  type ExecutionSubmitter,
} from "#core/services/executions/submit-executions.ts";
import { type Behaviour, closeEvaluator, draw } from "../test/support/engine.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { createInlineWorker } from "../test/support/inline-worker.ts";
import { createSlots } from "./slots.ts";
import { createBellTaker } from "./take-bells.ts";

let bed: ExecutionBed;
let backend: QueueBackend;
let queue: ExecutionQueue;
let submitter: ExecutionSubmitter;
const stops: (() => Promise<void>)[] = [];
/** By workflow: how many run now, and the most there ever were. */
const seen = new Map<string, { now: number; most: number; total: number }>();
const all = { now: 0, most: 0 };

before(async () => {
  bed = await createExecutionBed();
  backend = { kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_worker" };
  queue = createExecutionQueue(backend);
  const database = bed.open("atelier_api", 2);
  submitter = createExecutionSubmitter({
    database,
    queue,
    backlogs: createBacklogGuard(100_000),
    onRingFailed: assert.ifError,
  });
  for (let n = 0; n < 3; n++) await startWorker();
});

after(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await submitter?.drain();
  await queue?.close();
  await closeEvaluator();
  await bed?.close();
});

const work: Behaviour = async (_context, config) => {
  const counts = seen.get(String(config.name)) ?? { now: 0, most: 0, total: 0 };
  seen.set(String(config.name), counts);
  counts.now++;
  counts.total++;
  all.now++;
  counts.most = Math.max(counts.most, counts.now);
  all.most = Math.max(all.most, all.now);
  await delay(5 + Math.random() * 20);
  counts.now--;
  all.now--;
};

async function startWorker() {
  const slots = createSlots(10);
  const { database, running, handle } = createInlineWorker({
    bed,
    queue,
    behaviours: { work },
    maxConnections: 3,
    onError: assert.ifError,
  });
  const bells = createBellTaker({ database, queue, slots, answer: handle, onError: assert.ifError });
  const consumer = await consumeBells({
    backend,
    awaitRoom: slots.awaitFree,
    handle: bells.take,
    onError: () => {},
  });
  stops.push(async () => {
    await consumer.stop();
    slots.stop();
    await running.whenIdle(10_000);
    await bells.drain();
  });
}

const graphOf = (name: string, concurrency?: number) => ({
  ...(draw("start>work", { work: { type: "test.idempotent", config: { name } } }) as object),
  settings: concurrency ? { concurrency } : {},
});

async function untilAllEnded(workspaceId: string) {
  const text = `select count(*)::int n from workflow_executions where workspace_id = $1 and status <> 'succeeded'`;
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { rows } = await bed.admin.query(text, [workspaceId]);
    if (rows[0].n === 0) return;
    if (Date.now() > deadline) assert.fail(`${rows[0].n} executions were never rung for`);
    await delay(50);
  }
}

test("a workflow runs as many at once as its settings say, also in batches, and an unlimited one beside it", async () => {
  const ada = await bed.addPerson();
  const narrow = await bed.addWorkflow(ada, graphOf("narrow", 2));
  const wide = await bed.addWorkflow(ada, graphOf("wide"));
  const submit = (workflowId: string) => submitter.submit(ada, { workflowId, input: null });
  await Promise.all([
    submitter.submitMany(ada, Array(30).fill({ workflowId: narrow, input: null })),
    ...Array.from({ length: 10 }, () => submit(narrow)),
    ...Array.from({ length: 20 }, () => submit(wide)),
  ]);
  await untilAllEnded(ada.workspaceId);
  assert.deepEqual(seen.get("narrow"), { now: 0, most: 2, total: 40 });
  assert.equal(seen.get("wide")?.total, 20);
});

test("a workspace runs as many at once as its owner allows, whatever its workflows", async () => {
  const ada = await bed.addPerson();
  await bed.admin.query("update workspaces set max_concurrency = 3 where id = $1", [ada.workspaceId]);
  const one = await bed.addWorkflow(ada, graphOf("one", 2));
  const other = await bed.addWorkflow(ada, graphOf("other"));
  all.most = 0;
  const inputs = Array.from({ length: 40 }, (_, n) => ({ workflowId: n % 2 ? one : other, input: n }));
  await submitter.submitMany(ada, inputs);
  await untilAllEnded(ada.workspaceId);
  assert.equal(all.most, 3);
  assert.ok((seen.get("one")?.most ?? 0) <= 2);
  assert.equal((seen.get("one")?.total ?? 0) + (seen.get("other")?.total ?? 0), 40);
});
