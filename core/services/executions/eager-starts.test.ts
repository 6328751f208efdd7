// Waited for and submitted alone: a worker hears of it with the commit, and a bell is rung only when nobody heard of it.
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { v7 as uuidv7 } from "uuid";
import { createExecutionBed, type ExecutionBed } from "../../../test/support/executions.ts";
import type { Actor } from "../../domain/roles.ts";
import type { Database } from "../../persistence/database.ts";
import { type EagerStart, eagerChannel, readEagerStart } from "../../persistence/executions/eager-starts.ts";
import {
  type ExecutionSignals,
  openExecutionSignals,
} from "../../persistence/executions/execution-signals.ts";
import { registerWorker } from "../../persistence/executions/workers.ts";
import { EXECUTION_CHANNEL } from "../../persistence/executions/write-journal.ts";
import { type ListenConnection, openListenConnection } from "../../persistence/listen-connection.ts";
import { createExecutionQueue, type ExecutionQueue, type Ring } from "../../queue/execution-queue.ts";
import { createEagerStarts } from "./eager-starts.ts";
import { createBacklogGuard } from "./guard-backlogs.ts";
import { createExecutionSubmitter, type ExecutionSubmitter } from "./submit-executions.ts";

const PATIENCE = { timeout: 60_000 };
const LONG_MS = 600_000;

let bed: ExecutionBed;
let database: Database;
let signals: ExecutionSignals;
let queue: ExecutionQueue;
let ada: Actor & { workspaceId: string };
let workflowId: string;
const workerId = uuidv7();
const heard: EagerStart[] = [];
let line: ListenConnection;
let isCut = false;
const onError = (error: unknown) => {
  if (!isCut) assert.ifError(error);
};

before(async () => {
  bed = await createExecutionBed();
  database = bed.open("atelier_api", 6);
  signals = await openExecutionSignals(database, onError);
  queue = createExecutionQueue({ kind: "postgres", databaseUrl: bed.databaseUrl, role: "atelier_api" });
  ada = await bed.addPerson();
  workflowId = await bed.addWorkflow(ada);
  await registerWorker(bed.open("atelier_worker"), { id: workerId, host: "here", pid: 1, concurrency: 4 });
  line = await openListenConnection(bed.open("atelier_worker"), {
    channels: { [eagerChannel(workerId)]: (payload) => heard.push(readEagerStart(payload)) },
    onGap() {},
    onError,
  });
});
after(async () => {
  await line?.close();
  await signals?.close();
  await queue?.close();
  await bed?.close();
});

type Opened = { submitter: ExecutionSubmitter; rung: Ring[]; outcomes: boolean[] };

/** One that has already asked who is alive. */
async function open(patienceMs: number, restMs = 0): Promise<Opened> {
  const rung: Ring[] = [];
  const outcomes: boolean[] = [];
  const observe = (isHeard: boolean) => outcomes.push(isHeard);
  const options = { database, signals, onError, patienceMs, restMs, observe };
  const eagerStarts = createEagerStarts(options);
  const submitter = createExecutionSubmitter({
    database,
    queue: { ...queue, ring: async (rings) => void rung.push(...rings) },
    backlogs: createBacklogGuard(100_000),
    eagerStarts,
    onRingFailed: assert.ifError,
  });
  const row = { id: uuidv7(), watched: true, availableAt: null } as never;
  let plan = eagerStarts.plan([row]);
  while (plan === null) {
    await new Promise(setImmediate);
    plan = eagerStarts.plan([row]);
  }
  await say((row as { id: string }).id);
  await plan.isHeard;
  outcomes.length = 0;
  return { submitter, rung, outcomes };
}

const submit = ({ submitter }: Opened, options: { watched?: boolean; runAt?: string } = {}) => {
  const { watched = true, ...submission } = options;
  return submitter.submit(ada, { workflowId, input: null, ...submission }, { watched });
};
const hearOf = async (id: string, { signal }: TestContext) => {
  while (!heard.some(({ executionId }) => executionId === id)) {
    signal.throwIfAborted();
    await new Promise(setImmediate);
  }
};
const say = (id: string) => bed.admin.query("select pg_notify($1, $2)", [EXECUTION_CHANNEL, id]);

test(
  "what is waited for is told to a live worker with the commit, and not rung once it was heard of",
  PATIENCE,
  async (t) => {
    const opened = await open(LONG_MS);
    const { id } = await submit(opened);
    await hearOf(id, t);
    assert.equal((await bed.execution(id)).status, "queued", "heard of after its commit");
    assert.equal(heard.find(({ executionId }) => executionId === id)?.band, (await bed.execution(id)).band);
    await say(id);
    await opened.submitter.drain();
    assert.deepEqual([opened.rung, opened.outcomes], [[], [true]]);
  },
);

test("a bell is rung for what nobody is heard of soon", PATIENCE, async () => {
  const opened = await open(1);
  const { id } = await submit(opened);
  await opened.submitter.drain();
  assert.deepEqual(
    opened.rung.map(({ executionId, wake }) => [executionId, wake]),
    [[id, 0]],
  );
});

test(
  "what nobody waits for, what is for later and what comes together is rung for or waits as ever",
  PATIENCE,
  async (t) => {
    const opened = await open(LONG_MS);
    const before = heard.length;
    const unwatched = await submit(opened, { watched: false });
    await submit(opened, { runAt: "2100-01-01T00:00:00.000Z" });
    assert.deepEqual(
      opened.rung.map(({ executionId }) => executionId),
      [unwatched.id],
    );
    const together = await Promise.all(Array.from({ length: 20 }, () => submit(opened)));
    const rung = new Set(opened.rung.map(({ executionId }) => executionId));
    const told = together.filter(({ id }) => !rung.has(id));
    assert.ok(told.length <= 2, "a group commit has one bell for all, and only a lone row is told");
    for (const { id } of told) {
      await hearOf(id, t);
      await say(id);
    }
    await opened.submitter.drain();
    assert.deepEqual(
      heard.slice(before).map(({ executionId }) => executionId),
      told.map(({ id }) => id),
      "one or the other",
    );
  },
);

test("two are told at once, and none for a while after one that went unheard", PATIENCE, async (t) => {
  const opened = await open(LONG_MS);
  const [first, second] = [await submit(opened), await submit(opened)];
  const third = await submit(opened);
  assert.deepEqual(
    opened.rung.map(({ executionId }) => executionId),
    [third.id],
  );
  for (const { id } of [first, second]) {
    await hearOf(id, t);
    await say(id);
  }
  await opened.submitter.drain();
  assert.deepEqual(opened.outcomes, [true, true]);

  const restless = await open(2_000, LONG_MS);
  await assert.rejects(
    restless.submitter.submit(ada, { workflowId: uuidv7(), input: null }, { watched: true }),
    { code: "not_found" },
  );
  await submit(restless);
  await restless.submitter.drain();
  await submit(restless);
  assert.deepEqual([restless.outcomes, restless.rung.length], [[false], 2]);
});

test("a cut line is no news: the bell is rung", PATIENCE, async () => {
  const opened = await open(LONG_MS);
  const { id } = await submit(opened);
  isCut = true;
  await bed.cutConnections();
  await opened.submitter.drain();
  assert.deepEqual(
    opened.rung.map(({ executionId }) => executionId),
    [id],
  );
});

test(
  "a transaction that fails tells nobody, and without a live worker bells are rung as ever",
  PATIENCE,
  async () => {
    const opened = await open(LONG_MS);
    await assert.rejects(
      opened.submitter.submit(ada, { workflowId: uuidv7(), input: null }, { watched: true }),
      {
        code: "not_found",
      },
    );
    await bed.admin.query("update workers set heartbeat_at = now() - interval '1 minute' where id = $1", [
      workerId,
    ]);
    const eagerStarts = createEagerStarts({ database, signals, onError });
    const row = { id: uuidv7(), watched: true, availableAt: null } as never;
    for (let look = 0; look < 20; look++) {
      assert.equal(eagerStarts.plan([row]), null);
      await database.many({ text: "select 1", values: [] } as never);
    }
  },
);
