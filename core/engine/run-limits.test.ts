// What one execution may ask for: bytes in the journal, bytes out of a loop, time in all.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#core/domain/app-error.ts";
import { closeEvaluator, createMemoryStore, draw, runGraph } from "../../test/support/engine.ts";

after(() => closeEvaluator());

const big = "x".repeat(900_000);

test("a loop whose results outgrow an output fails before all its effects have gone out", async () => {
  const sent: number[] = [];
  const { end, store } = await runGraph({
    graph: draw("start>loop:item>send", {
      loop: { type: "flow.forEach", config: { items: "{{ [1..50] }}", concurrency: 1 } },
      send: { type: "test.idempotent" },
    }),
    behaviours: { send: (context) => sent.push(Number(context.iteration)) && big },
  });
  assert.equal(end, "failed");
  assert.equal(store.writes.at(-1)?.move?.error?.code, "output_too_large");
  assert.deepEqual(sent, [0, 1]);
});

test("no write to the journal carries much more than the buffer may hold, however much is noted", async () => {
  const { end, store } = await runGraph({
    graph: draw("start>loop:item>make>count", {
      loop: { type: "flow.forEach", config: { items: "{{ [1..60] }}", concurrency: 2 } },
    }),
    behaviours: { make: () => big, count: () => 1 },
  });
  assert.equal(end, "succeeded");
  const bytes = store.writes.map((write) => JSON.stringify(write).length);
  assert.ok(store.writes.length >= 10, `${store.writes.length} writes`);
  assert.ok(Math.max(...bytes) < 12_000_000, `the largest has ${Math.max(...bytes)} bytes`);
});

test("a run beyond its own time limit fails with timeout, its effect in flight is noted as broken off", async () => {
  const graph = draw("start>slow", { slow: { type: "test.idempotent" } }) as Record<string, unknown>;
  const { end, store, steps } = await runGraph({
    graph: { ...graph, settings: { timeoutMs: 50 } },
    behaviours: { slow: ({ signal }) => delay(60_000, null, { signal }) },
  });
  assert.equal(end, "failed");
  assert.equal(store.writes.at(-1)?.move?.error?.code, "timeout");
  assert.equal(
    steps.find((step) => step.startsWith("slow")),
    "slow[]#1 cancelled",
  );
});

test("the time limit counts from the first claim: a resumed run has only what is left", async () => {
  const graph = draw("start>slow", { slow: { type: "test.idempotent" } }) as Record<string, unknown>;
  const { end } = await runGraph({
    graph: { ...graph, settings: { timeoutMs: 3_600_000 } },
    execution: { startedAt: "2026-01-01T00:00:00.000Z", claimedAt: "2026-01-01T02:00:00.000Z" },
    behaviours: { slow: ({ signal }) => delay(60_000, null, { signal }) },
  });
  assert.equal(end, "failed");
});

test("an attempt that a shutdown broke off says so when the next worker goes on, and is no failure of the node", async () => {
  const store = createMemoryStore();
  const shutdown = new AbortController();
  const graph = draw("start>a", { a: { type: "test.idempotent" } });
  const first = await runGraph({
    graph,
    store,
    signal: shutdown.signal,
    behaviours: {
      a: ({ signal }) => {
        shutdown.abort(new AppError("shutdown", "stopping"));
        return delay(60_000, null, { signal });
      },
    },
  });
  assert.equal(first.end, "queued");
  const second = await runGraph({ graph, store, history: store.rows(), behaviours: { a: () => "done" } });
  assert.equal(second.end, "succeeded");
  const attempts = store.rows().filter((row) => row.nodeId === "a");
  assert.deepEqual(
    attempts.map((row) => [row.attempt, row.status, row.error?.code ?? null]),
    [
      [1, "failed", "interrupted"],
      [2, "succeeded", null],
    ],
  );
});
