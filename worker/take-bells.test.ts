// What one worker took and does not run soon reaches another, nobody recovering anything; and a flood leaves room for others.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import type { Actor } from "#core/domain/roles.ts";
import { createLogger } from "#core/logger.ts";
import { type BellConsumer, consumeBells } from "#core/queue/bell-consumer.ts";
import { createExecutionQueue, type ExecutionQueue } from "#core/queue/execution-queue.ts";
import type { QueueBackend } from "#core/queue/queue-backend.ts";
import { createBacklogGuard } from "#core/services/executions/guard-backlogs.ts";
import {
  createExecutionSubmitter,
  type ExecutionSubmitter,
} from "#core/services/executions/submit-executions.ts";
import { closeEvaluator, draw, testEngine } from "../test/support/engine.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { createClaimGate } from "./claim-gate.ts";
import { createRunStore } from "./create-run-store.ts";
import { createIsolation } from "./isolation.ts";
import { createProcessor } from "./process-executions.ts";
import { createRunningExecutions } from "./running-executions.ts";
import { createSlots, type SlotOptions } from "./slots.ts";
import { createBellTaker } from "./take-bells.ts";
import { createWorkflowCache } from "./workflow-cache.ts";

const PATIENCE = { timeout: 60_000 };

let bed: ExecutionBed;
let backend: QueueBackend;
let queue: ExecutionQueue;
const stops: (() => Promise<void>)[] = [];

before(async () => {
  bed = await createExecutionBed();
  backend = { kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_worker" };
  queue = createExecutionQueue(backend);
});
after(async () => {
  await Promise.all(stops.map((stop) => stop()));
  await queue?.close();
  await closeEvaluator();
  await bed?.close();
});

type Tenant = Actor & { workspaceId: string; workflowId: string };
type Work = (name: string) => Promise<void>;

async function addTenant(name: string): Promise<Tenant> {
  const person = await bed.addPerson();
  const graph = draw("start>work", { work: { type: "test.idempotent", config: { name } } });
  return { ...person, workflowId: await bed.addWorkflow(person, graph) };
}

/** A process of its own would know of no submission before, so each test has its own. */
function openSubmitter(onRung: () => void = () => {}): ExecutionSubmitter {
  const database = bed.open("atelier_api", 2);
  const ring: ExecutionQueue["ring"] = async (rings) => {
    await queue.ring(rings);
    onRung();
  };
  const backlogs = createBacklogGuard(100_000);
  return createExecutionSubmitter({
    database,
    queue: { ...queue, ring },
    backlogs,
    onRingFailed: assert.ifError,
  });
}

const submitMany = (submitter: ExecutionSubmitter, { workflowId, ...actor }: Tenant, count: number) =>
  submitter.submitMany(actor, Array(count).fill({ workflowId, input: null }));

async function startWorker(count: number, work: Work, options: SlotOptions = {}) {
  const database = bed.open("atelier_worker", 3);
  const running = createRunningExecutions();
  const slots = createSlots(count, options);
  const { engine, catalogue } = testEngine(createRunStore(database), {
    work: (_context, config) => work(String(config.name)),
  });
  const shared = { database, queue, onError: assert.ifError };
  const answer = createProcessor({
    database,
    queue,
    gate: createClaimGate({ ...shared, workerId: uuidv7(), onClaimed: () => {} }),
    leases: { hold() {}, drop() {}, stop: async () => {} },
    isolation: createIsolation(),
    workflows: createWorkflowCache(database, catalogue),
    running,
    engine,
    logger: createLogger("worker", "silent"),
  });
  const bells = createBellTaker({ ...shared, slots, answer });
  const awaitRoom = slots.awaitFree;
  const consumer: BellConsumer = await consumeBells({
    backend,
    awaitRoom,
    handle: bells.take,
    onError: () => {},
  });
  const stop = async () => {
    await consumer.stop();
    slots.stop();
    await running.whenIdle(10_000);
    await bells.drain();
  };
  stops.push(stop);
  return { slots, bells, stop };
}

/** A loop that outlived its test would keep the file from ending, red as it is. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE.timeout / 2; !(await condition()); await delay(10)) {
    if (Date.now() > deadline) throw new Error(`it did not come true: ${condition}`);
  }
}

const countEnded = async ({ workspaceId }: Tenant) => {
  const text =
    "select count(*)::int n from workflow_executions where workspace_id = $1 and status = 'succeeded'";
  return (await bed.admin.query(text, [workspaceId])).rows[0].n as number;
};

for (const [name, when] of [
  ["a full worker", "soon"],
  ["a worker that stops", "at its stop"],
] as const) {
  test(
    `the rest of a bell that ${name} holds is run by another one, without recovery`,
    PATIENCE,
    async () => {
      const tenant = await addTenant("one");
      const end = Promise.withResolvers<void>();
      const ran = { first: 0, second: 0 };
      const first = await startWorker(
        1,
        async () => {
          ran.first++;
          await end.promise;
        },
        { patienceMs: when === "soon" ? 1 : 1_000_000 },
      );
      await submitMany(openSubmitter(), tenant, 8);
      await until(() => ran.first === 1);
      const second = await startWorker(8, async () => void ran.second++);
      if (when === "at its stop") {
        const stopped = first.stop();
        await until(() => ran.second === 7);
        end.resolve();
        await stopped;
      }
      await until(() => ran.second === 7);
      end.resolve();
      await until(async () => (await countEnded(tenant)) === 8);
      assert.deepEqual(ran, { first: 1, second: 7 });
      await Promise.all([first.stop(), second.stop()]);
    },
  );
}

test("a flood in all slots of a worker: another's execution runs beside it, and those that come to wait go on", async () => {
  const [big, small] = [await addTenant("big"), await addTenant("small")];
  const submitter = openSubmitter();
  const end = Promise.withResolvers<void>();
  const ran = { big: 0, small: 0 };
  const worker = await startWorker(8, async (name) => {
    ran[name as keyof typeof ran]++;
    if (name === "big") await end.promise;
  });
  await submitMany(submitter, big, 64);
  await until(() => ran.big === 8);
  for (const n of [1, 2, 3]) {
    await submitMany(submitter, small, 1);
    await until(() => ran.small === n);
  }
  assert.equal(ran.big, 8);
  end.resolve();
  await until(async () => (await countEnded(big)) === 64);
  await worker.stop();
});

test(
  "with one slot an execution that comes after a flood of 64 runs before most of them",
  PATIENCE,
  async () => {
    const [big, small] = [await addTenant("big"), await addTenant("small")];
    let rung = 0;
    const submitter = openSubmitter(() => rung++);
    const go = Promise.withResolvers<void>();
    const order: string[] = [];
    const worker = await startWorker(1, async (name) => {
      order.push(name);
      await go.promise;
    });
    await submitMany(submitter, big, 64);
    await until(() => order.length === 1);
    await submitMany(submitter, small, 1);
    await until(() => rung === 2);
    go.resolve();
    await until(async () => (await countEnded(small)) === 1);
    const before = order.indexOf("small");
    assert.ok(before > 0 && before <= 32, `${before} of the flood ran before it`);
    await until(async () => (await countEnded(big)) === 64);
    await worker.stop();
  },
);

test("a corrupt id and a queue that takes no ring spoil nothing: the others of the batch are passed on once", async () => {
  const tenant = await addTenant("passed");
  const workflow = { workflow_id: tenant.workflowId, workspace_id: tenant.workspaceId };
  const ids = await Promise.all(Array.from({ length: 4 }, () => bed.addExecution(workflow)));
  for (const [name, ring] of [
    ["taken", async () => {}],
    ["refused", () => Promise.reject(new Error("no queue"))],
  ] as const) {
    const rung: string[] = [];
    const errors: unknown[] = [];
    const bells = createBellTaker({
      database: bed.open("atelier_worker", 2),
      queue: {
        ring(rings) {
          rung.push(...rings.map(({ executionId }) => executionId));
          return ring();
        },
      },
      slots: { ...createSlots(1), run: async () => false },
      answer: async () => {},
      onError: (error) => errors.push(error),
    });
    bells.take([...ids.slice(0, 2), "no uuid", ...ids.slice(2)], 0);
    await until(() => rung.length >= 4 && errors.length >= 1);
    await bells.drain();
    assert.deepEqual(rung.toSorted(), ids.toSorted(), name);
  }
  for (const id of ids) assert.equal((await bed.execution(id)).wake, 2, "once for each pass");
});
