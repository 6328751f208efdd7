// Runs that are stopped from outside: cancelled, handed back, taken over, unable to write, in doubt.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import type { JournalWrite, StepRecord } from "#core/domain/journal.ts";
import {
  type Behaviour,
  closeEvaluator,
  createMemoryStore,
  draw,
  keyOf,
  runGraph,
} from "../../test/support/engine.ts";

after(closeEvaluator);

const graph = draw("start>first>hang>never", {
  first: { type: "test.idempotent" },
  hang: { type: "test.idempotent" },
});

/** Runs the graph, stops it with `code` while node hang is under way. */
async function stopInside(code: string, hangType = "test.idempotent") {
  const controller = new AbortController();
  const store = createMemoryStore();
  const ran: string[] = [];
  let writesBefore = 0;
  const behaviours: Record<string, Behaviour> = {
    first: () => void ran.push("first"),
    never: () => void ran.push("never"),
    hang: () => {
      ran.push("hang");
      writesBefore = store.writes.length;
      setImmediate(() => controller.abort(new AppError(code, `${code} it is`)));
      return new Promise(() => {});
    },
  };
  const drawn = draw("start>first>hang>never", {
    first: { type: "test.idempotent" },
    hang: { type: hangType },
  });
  const result = await runGraph({ graph: drawn, behaviours, store, signal: controller.signal });
  return { ...result, ran, writesAfter: store.writes.length - writesBefore };
}

test("cancel ends the run as cancelled, with the effect in flight marked so", async () => {
  const { end, error, steps, ran } = await stopInside("cancelled");
  assert.equal(end, "cancelled");
  assert.deepEqual(error, { code: "cancelled", message: "cancelled it is" });
  assert.deepEqual(ran, ["first", "hang"]);
  assert.deepEqual(steps, ["start[]#1 succeeded", "first[]#1 succeeded", "hang[]#1 cancelled"]);
});

test("shutdown hands the run back as queued; the effect in flight stays in doubt and goes out again under its key", async () => {
  const { end, steps, store } = await stopInside("shutdown");
  assert.equal(end, "queued");
  assert.equal(steps.at(-1), "hang[]#1 running");
  const keys: string[] = [];
  const behaviours: Record<string, Behaviour> = {
    first: () => assert.fail("first had finished"),
    hang: ({ idempotencyKey }) => void keys.push(idempotencyKey),
  };
  const resumed = await runGraph({ graph, behaviours, history: store.rows(), execution: { fence: 2 } });
  assert.equal(resumed.end, "succeeded");
  assert.deepEqual(keys, [store.rows().at(-1)?.idempotencyKey]);
  assert.deepEqual(resumed.steps.slice(2), ["hang[]#1 failed", "hang[]#2 succeeded", "never[]#1 succeeded"]);
});

test("an effect that must not be repeated is parked: the execution waits, the step is unknown", async () => {
  const { store } = await stopInside("shutdown", "test.effectful");
  const drawn = draw("start>first>hang>never start>other", { hang: { type: "test.effectful" } });
  const ran: string[] = [];
  const behaviours: Record<string, Behaviour> = {
    hang: () => assert.fail("sent twice"),
    never: () => void ran.push("never"),
    other: () => void ran.push("other"),
  };
  const history = store.rows();
  const resumed = await runGraph({ graph: drawn, behaviours, history, execution: { fence: 2 } });
  assert.equal(resumed.end, "waiting");
  assert.deepEqual(ran, ["other"], "branches that do not need it go on");
  assert.ok(resumed.steps.includes("hang[]#1 unknown"), resumed.steps.join());
  const again = await runGraph({
    graph: drawn,
    behaviours,
    history: resumed.store.rows(),
    execution: { fence: 3 },
  });
  assert.equal(again.end, "waiting", "and it stays parked");
});

test("an effect parked in a loop's item parks the execution, other items end", async () => {
  const loop = draw("start>loop:item>charge", {
    loop: { type: "flow.forEach", config: { items: [1, 2, 3], concurrency: 1 } },
    charge: { type: "test.effectful" },
  });
  const dead = new AbortController();
  const store = createMemoryStore();
  await runGraph({
    graph: loop,
    store,
    signal: dead.signal,
    behaviours: {
      charge: ({ iteration }) => {
        if (iteration !== "1") return;
        setImmediate(() => dead.abort(new AppError("shutdown", "stopping")));
        return new Promise(() => {});
      },
    },
  });
  const charged: string[] = [];
  const charge: Behaviour = ({ iteration }) => void charged.push(iteration);
  const resumed = await runGraph({ graph: loop, behaviours: { charge }, history: store.rows() });
  assert.equal(resumed.end, "waiting");
  assert.deepEqual(charged, [], "one at a time: the third waits behind the parked second");
  assert.ok(resumed.steps.includes("charge[1]#1 unknown"), resumed.steps.join());
});

test("a lost lease stops everything and writes nothing more", async () => {
  const { end, ran, writesAfter, store } = await stopInside("lease_lost");
  assert.equal(end, "lost");
  assert.deepEqual(ran, ["first", "hang"]);
  assert.equal(writesAfter, 0);
  assert.ok(store.writes.every((write) => write.move === undefined));
});

test("pure results that lingered when the lease was lost are not written", async () => {
  const controller = new AbortController();
  const store = createMemoryStore();
  const end = await runGraph({
    graph: draw("start>a>hang"),
    store,
    signal: controller.signal,
    behaviours: {
      hang: () => {
        setImmediate(() => controller.abort(new AppError("lease_lost", "gone")));
        return new Promise(() => {});
      },
    },
  });
  assert.equal(end.end, "lost");
  await new Promise((resolve) => setTimeout(resolve, 250)); // They were due within 200 ms.
  assert.deepEqual(store.writes, []);
});

test("a stale fence found by a write stops every branch; no effect begins after it", async () => {
  let fence = 1;
  const ran: string[] = [];
  const store = createMemoryStore({ fence: () => fence });
  const { end } = await runGraph({
    graph: draw("start>a>b start>c>d", {
      a: { type: "test.idempotent" },
      b: { type: "test.idempotent" },
      d: { type: "test.idempotent" },
    }),
    store,
    behaviours: {
      a: () => {
        ran.push("a");
        fence = 2;
      },
      b: () => void ran.push("b"),
      c: () => new Promise((resolve) => setImmediate(resolve)),
      d: () => void ran.push("d"),
    },
  });
  assert.equal(end, "lost");
  assert.deepEqual(ran, ["a"]);
  assert.ok(!store.rows().some((row) => row.nodeId === "b" || row.nodeId === "d"));
});

test("steps that cannot be written end the run as failed, and no effect starts", async () => {
  const store = createMemoryStore();
  const picky = {
    ...store,
    write: (write: JournalWrite) =>
      write.steps.length > 0 ? Promise.reject(new Error("steps refused")) : store.write(write),
  };
  const ran: string[] = [];
  const { end } = await runGraph({
    graph: draw("start>a>b", { a: { type: "test.idempotent" } }),
    store: picky,
    behaviours: { a: () => void ran.push("a"), b: () => void ran.push("b") },
  });
  assert.equal(end, "failed");
  assert.deepEqual(ran, []);
  assert.equal(store.writes.at(-1)?.move?.error?.code, "journal_failed");
  assert.match(store.writes.at(-1)?.move?.error?.message ?? "", /steps refused/);
});

test("when the end itself cannot be written the run says so", async () => {
  const store = createMemoryStore({ delay: () => Promise.reject(new Error("disk")) });
  await assert.rejects(runGraph({ graph: draw("start>a"), store }), /disk/);
});

test("cancelled before it began: nothing runs", async () => {
  const { end, steps } = await runGraph({
    graph,
    execution: { cancelRequested: true },
    behaviours: { first: () => assert.fail("ran") },
  });
  assert.equal(end, "cancelled");
  assert.deepEqual(steps, []);
});

test("a cancel ends the wait between two attempts", async () => {
  const controller = new AbortController();
  const retry = { maxAttempts: 2, backoffMs: 86_400_000, maxBackoffMs: 86_400_000 };
  const busy: Behaviour = () => {
    setImmediate(() => controller.abort(new AppError("cancelled", "stop")));
    throw new AppError("busy", "busy", { retryable: true, details: { retryAfterMs: 86_400_000 } });
  };
  const { end } = await runGraph({
    graph: draw("start>busy", { busy: { type: "test.pure", retry } }),
    signal: controller.signal,
    behaviours: { busy },
  });
  assert.equal(end, "cancelled");
});

test("attempts lost with their workers do not use up the retries", async () => {
  const lost: StepRecord[] = [1, 2].map((attempt) => ({
    ...failedStep("send", attempt),
    error: { code: "worker_lost", message: "died", retryable: true },
  }));
  const { end, store } = await runGraph({
    graph: draw("start>send", { send: { type: "test.idempotent" } }),
    history: lost,
    behaviours: { send: ({ attempt }) => attempt },
  });
  assert.equal(end, "succeeded");
  assert.equal(store.rows().at(-1)?.output, 3);
});

test("an effect in doubt goes out again under the key it went out with, not under a new one", async () => {
  const inFlight: StepRecord = { ...failedStep("send", 1), status: "running", error: null, finishedAt: null };
  const keys: string[] = [];
  await runGraph({
    graph: draw("start>send", { send: { type: "test.idempotent" } }),
    history: [inFlight],
    behaviours: { send: ({ idempotencyKey }) => void keys.push(idempotencyKey) },
  });
  assert.deepEqual(keys, ["key of send[]#1"]);
});

test("a failure that was final before the crash stays final after it", async () => {
  const { end, error } = await runGraph({
    graph: draw("start>send", { send: { type: "test.idempotent" } }),
    history: [failedStep("send", 1)],
    behaviours: { send: () => assert.fail("ran again") },
  });
  assert.equal(end, "failed");
  assert.equal((error as { code: string }).code, "no_stock");
});

function failedStep(nodeId: string, attempt: number): StepRecord {
  const at = "2026-03-01T12:00:00.000Z";
  return {
    nodeId,
    nodeType: "test.idempotent",
    iteration: "",
    attempt,
    status: "failed",
    seq: attempt,
    effect: "idempotent",
    idempotencyKey: `key of ${keyOf({ nodeId, iteration: "", attempt: 1 })}`,
    port: null,
    input: null,
    output: null,
    error: { code: "no_stock", message: "Nothing left", nodeId, retryable: false },
    startedAt: at,
    finishedAt: at,
  };
}
