// Rings answered by a worker in this process, over a real database and a real queue: what is claimed, and when.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createLogger } from "#core/logger.ts";
import type { Database } from "#core/persistence/database.ts";
import { createExecutionQueue, type ExecutionQueue } from "#core/queue/execution-queue.ts";
import { type Behaviour, closeEvaluator, draw, testEngine } from "../test/support/engine.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { createClaimGate } from "./claim-gate.ts";
import { createRunStore } from "./create-run-store.ts";
import { createFewAtOnce } from "./few-at-once.ts";
import { createIsolation } from "./isolation.ts";
import type { HeldLease } from "./lease-thread.ts";
import { createProcessor } from "./process-executions.ts";
import { createRunningExecutions } from "./running-executions.ts";
import { createWorkflowCache } from "./workflow-cache.ts";

let bed: ExecutionBed;
let queue: ExecutionQueue;
let person: { userId: string; workspaceId: string };

before(async () => {
  bed = await createExecutionBed();
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_worker" });
  person = await bed.addPerson();
});

after(async () => {
  await queue?.close();
  await closeEvaluator();
  await bed?.close();
});

/** A suspect of these tests waits for nobody who does not end by himself. */
const PATIENCE_MS = 200;
const FEW = 2;

function createWorker(
  database: Database,
  behaviours: Record<string, Behaviour>,
  onClaimed = () => {},
  ring: ExecutionQueue["ring"] = queue.ring,
) {
  const held: HeldLease[] = [];
  const running = createRunningExecutions();
  const workerId = uuidv7();
  const gate = createClaimGate({
    database,
    workerId,
    queue,
    onClaimed: (leases) => held.push(...leases),
    onError: () => {},
  });
  const { engine, catalogue } = testEngine(createRunStore(database), behaviours);
  const handle = createProcessor({
    database,
    queue: { ...queue, ring },
    gate: { ...gate, claim: (id) => gate.claim(id).finally(onClaimed) },
    leases: {
      hold: () => {},
      drop: (lease) =>
        held.splice(
          held.findIndex((other) => other.fence === lease.fence && other.id === lease.id),
          1,
        ),
      stop: async () => {},
    },
    isolation: createIsolation({ patienceMs: PATIENCE_MS }),
    fewAtOnce: createFewAtOnce({ few: FEW, youngMs: 60_000 }),
    workflows: createWorkflowCache(database, catalogue),
    running,
    engine,
    logger: createLogger("worker", "silent"),
  });
  return { handle, running, held, workerId };
}

const graph = draw("start>work", { work: { type: "test.idempotent" } });

async function addRuns(count: number, columns: Record<string, unknown> = {}, drawn: unknown = graph) {
  const workflow_id = await bed.addWorkflow(person, drawn);
  const rows = Array.from({ length: count }, () => bed.addExecution({ workflow_id, ...columns }));
  return Promise.all(rows);
}

const statusOf = async (id: string) => (await bed.execution(id)).status;

test("a ring claims, runs and finishes; the same ring again and one for nothing do nothing", async () => {
  let ran = 0;
  const { handle, held } = createWorker(bed.open("atelier_worker"), { work: () => ++ran });
  const [id = ""] = await addRuns(1);
  await Promise.all([handle(id), handle(id), handle(uuidv7())]);
  await handle(id);
  assert.equal(await statusOf(id), "succeeded");
  assert.equal(ran, 1);
  assert.deepEqual(held, []);
});

test("a ring with a broken id disturbs neither its neighbours nor the worker", async () => {
  const { handle } = createWorker(bed.open("atelier_worker"), {});
  const ids = await addRuns(3);
  await Promise.all([
    ...ids.map((id) => handle(id)),
    handle("no uuid"),
    handle(undefined as unknown as string),
  ]);
  for (const id of ids) assert.equal(await statusOf(id), "succeeded");
});

test("a version that cannot be run fails its execution with invalid_version", async () => {
  const { handle } = createWorker(bed.open("atelier_worker"), {});
  const [id = ""] = await addRuns(1, {}, { nodes: [{ id: "start", type: "no.such" }], edges: [] });
  await handle(id);
  const row = await bed.execution(id);
  assert.equal(row.status, "failed");
  assert.equal((row.error as { code: string }).code, "invalid_version");
});

test("a suspect runs alone, and nothing is claimed that would go down with it", async () => {
  const inside = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let alone = true;
  const suspects = new Set<string>();
  let now = 0;
  const { handle } = createWorker(bed.open("atelier_worker"), {
    async work({ executionId }) {
      now++;
      if (suspects.has(executionId)) {
        if (now > 1) alone = false;
        inside.resolve();
        await go.promise;
        if (now > 1) alone = false;
      }
      now--;
    },
  });
  const [first = "", second = ""] = await addRuns(2, { crash_count: 2 });
  suspects.add(first).add(second);
  const innocents = await addRuns(5);
  const answered = [handle(first), handle(second)];
  await inside.promise;
  answered.push(...innocents.map((id) => handle(id)));
  await delay(100); // Long enough for a claim, were there one.
  const claimed = await bed.admin.query("select id from workflow_executions where status = 'running'");
  assert.equal(claimed.rowCount, 1, "the other suspect and the innocents wait unclaimed");
  go.resolve();
  await Promise.all(answered);
  assert.ok(alone);
  for (const id of [first, second, ...innocents]) assert.equal(await statusOf(id), "succeeded");
});

test("those over which one worker died begin a few at a time, beside the others", async () => {
  const begun = new Map<string, () => void>();
  const doubted = new Set<string>();
  const full = Promise.withResolvers<void>();
  const { handle } = createWorker(bed.open("atelier_worker"), {
    async work({ executionId }) {
      if (!doubted.has(executionId)) return;
      const end = new Promise<void>((resolve) => begun.set(executionId, resolve));
      if (begun.size === FEW) full.resolve();
      await end;
    },
  });
  const ids = await addRuns(FEW + 1, { crash_count: 1 });
  const [innocent = ""] = await addRuns(1);
  for (const id of ids) doubted.add(id);
  const answered = ids.map((id) => handle(id));
  await full.promise;
  await handle(innocent);
  assert.equal(await statusOf(innocent), "succeeded");
  assert.equal(begun.size, FEW);
  const statuses = await Promise.all(ids.map(statusOf));
  assert.equal(statuses.filter((status) => status === "queued").length, 1, "it waits unclaimed");
  for (const end of begun.values()) end();
  await Promise.race(answered);
  while (begun.size <= FEW) await delay(5);
  for (const end of begun.values()) end();
  await Promise.all(answered);
  for (const id of ids) assert.equal(await statusOf(id), "succeeded");
});

test("beside a run that does not end a suspect is left for later, and after half a minute of that runs all the same", async () => {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const long = new Set<string>();
  const { handle, running } = createWorker(bed.open("atelier_worker"), {
    async work({ executionId }) {
      if (!long.has(executionId)) return;
      begun.resolve();
      await end.promise;
    },
  });
  const [first = "", innocent = ""] = await addRuns(2);
  const suspects = { crash_count: 2 };
  const [young = ""] = await addRuns(1, suspects);
  const [old = ""] = await addRuns(1, { ...suspects, available_at: new Date(Date.now() - 120_000) });
  long.add(first);
  const answered = handle(first);
  await begun.promise;
  await Promise.all([handle(young), handle(old)]);
  await handle(innocent);
  assert.equal(running.count(), 1, "the long one is still under way");
  assert.deepEqual(
    [await statusOf(young), await statusOf(old), await statusOf(innocent)],
    ["queued", "succeeded", "succeeded"],
  );
  const { rows } = await bed.admin.query(
    "select rung_at > clock_timestamp() later, rung_at < 'infinity' found from workflow_executions where id = $1",
    [young],
  );
  assert.deepEqual(rows, [{ later: true, found: true }], "recovery rings for it, not at once");
  end.resolve();
  await answered;
});

test("handing back queues what runs under a new wake and rings for it; what comes later is not claimed", async () => {
  const begun = Promise.withResolvers<void>();
  const { handle, running } = createWorker(bed.open("atelier_worker"), {
    work: () => {
      begun.resolve();
      return new Promise(() => {});
    },
  });
  const [id = "", late = ""] = await addRuns(2);
  const answered = handle(id);
  await begun.promise;
  running.handBack();
  await answered;
  await handle(late);
  const row = await bed.execution(id);
  assert.equal(row.status, "queued");
  assert.equal(row.wake, 1);
  assert.equal(row.crash_count, 0);
  assert.deepEqual(await queue.find([{ executionId: id, wake: 1, band: 0 }]), ["waiting"]);
  assert.equal(Number((await bed.execution(late)).fence), 0);
});

test("handed back without a ring, a limited execution still gives its place to the next", {
  timeout: 20_000,
}, async () => {
  const begun = Promise.withResolvers<void>();
  const behaviours = {
    work: () => {
      begun.resolve();
      return new Promise(() => {});
    },
  };
  const noQueue = () => Promise.reject(new Error("no queue"));
  const { handle, running } = createWorker(bed.open("atelier_worker"), behaviours, undefined, noQueue);
  const [first = "", second = ""] = await addRuns(2, { concurrency: 1, workspace_id: person.workspaceId });
  const answered = handle(first);
  await begun.promise;
  await handle(second);
  const isRung = "select rung_at < 'infinity' rung, wake from workflow_executions where id = $1";
  assert.deepEqual((await bed.admin.query(isRung, [second])).rows, [{ rung: false, wake: 0 }]);
  running.handBack();
  await answered;
  assert.equal(await statusOf(first), "queued");
  assert.deepEqual((await bed.admin.query(isRung, [second])).rows, [{ rung: true, wake: 1 }]);
});

test("what is claimed while the worker begins to stop is handed back at once", async () => {
  let ran = 0;
  const onClaimed = () => running.handBack();
  const { handle, running } = createWorker(bed.open("atelier_worker"), { work: () => ++ran }, onClaimed);
  const [id = ""] = await addRuns(1);
  const answered = handle(id);
  let idle = false;
  const waited = running.whenIdle(60_000).then(() => {
    idle = true;
  });
  await delay(1);
  assert.equal(idle, false, "a claim on its way counts as under way");
  await Promise.all([answered, waited]);
  const row = await bed.execution(id);
  assert.equal(row.status, "queued");
  assert.equal(row.fence, 1, "it had been claimed");
  assert.equal(ran, 0);
});

test("claimed again by the same worker while the lost run is still going: only the lost run stops", async () => {
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const finish = Promise.withResolvers<void>();
  let runs = 0;
  const { handle, held, running } = createWorker(bed.open("atelier_worker"), {
    async work() {
      const run = runs++;
      begun[run]?.resolve();
      if (run === 0) await new Promise(() => {});
      await finish.promise;
      return "second";
    },
  });
  const [id = ""] = await addRuns(1);
  const first = handle(id);
  await begun[0]?.promise;
  // What the reaper does when the lease ran out.
  await bed.admin.query(
    "update workflow_executions set status = 'queued', fence = fence + 1, wake = wake + 1, lease_owner = null where id = $1",
    [id],
  );
  const second = handle(id);
  await first;
  await begun[1]?.promise;
  assert.deepEqual(held, [{ id, fence: 3 }], "the second claim's lease is still held");
  assert.equal(running.count(), 1);
  finish.resolve();
  await second;
  const row = await bed.execution(id);
  assert.equal(row.status, "succeeded");
  assert.equal(row.output, "second");
});

test("the database's connections are cut under load: every run still ends, each effect's key finished once", async () => {
  const database = bed.open("atelier_worker");
  const finished: string[] = [];
  const { handle } = createWorker(database, {
    async work({ idempotencyKey }) {
      await delay(20);
      finished.push(idempotencyKey);
    },
  });
  const ids = await addRuns(40);
  const answered = ids.map((id) => handle(id));
  for (let cut = 0; cut < 5; cut++) {
    await delay(15);
    await bed.cutConnections();
  }
  await Promise.all(answered);
  // A claim whose answer was lost is the reaper's; everything else has ended.
  const rows = await Promise.all(ids.map((id) => bed.execution(id)));
  const left = rows.filter((row) => row.status !== "succeeded");
  for (const row of left) assert.ok(["queued", "running"].includes(String(row.status)), String(row.status));
  for (const row of left) {
    await bed.admin.query(
      "update workflow_executions set status = 'queued', lease_owner = null where id = $1",
      [row.id],
    );
    await handle(String(row.id));
  }
  for (const id of ids) assert.equal(await statusOf(id), "succeeded");
  assert.equal(new Set(finished).size, 40);
});
