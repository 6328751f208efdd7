// Nodes that wait: what is written, what goes on meanwhile, and how a later claim finds its way back.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#core/domain/app-error.ts";
import type { StepRecord } from "#core/domain/journal.ts";
import {
  type Behaviour,
  closeEvaluator,
  createMemoryStore,
  draw,
  type NodeData,
  runGraph,
  Wait,
} from "../../test/support/engine.ts";

after(closeEvaluator);

const STARTED = "2026-03-01T12:00:00.000Z";
const at = (ms: number) => new Date(Date.parse(STARTED) + ms).toISOString();
const HOUR = 3_600_000;
const wait = (ms: number): NodeData => ({ type: "flow.wait", config: { ms } });

/** A later claim of the same execution: the rows as the earlier one left them. */
const later = (rows: readonly StepRecord[], claimedAt: string, wake = 1) => ({
  history: rows,
  execution: { claimedAt, wake, fence: 2 },
});

test("a wait is a waiting step; the worker is let go until it is due, and then goes on behind it", async () => {
  const graph = draw("start>pause>after", { pause: wait(HOUR) });
  const first = await runGraph({ graph });
  assert.equal(first.end, "waiting");
  assert.deepEqual(first.steps, ["start[]#1 succeeded", "pause[]#1 waiting"]);
  const move = first.store.writes.at(-1)?.move;
  const pause = first.store.rows().find((row) => row.nodeId === "pause");
  assert.equal(move?.availableAt, pause?.wakeAt);
  const due = Date.parse(pause?.startedAt ?? "") + HOUR;
  assert.equal(Date.parse(pause?.wakeAt ?? ""), due, "counted from its first start");

  const early = await runGraph({ graph, ...later(first.store.rows(), at(HOUR / 2)) });
  assert.equal(early.end, "waiting");
  assert.equal(early.store.writes.at(-1)?.move?.availableAt, pause?.wakeAt, "the same time as before");

  const second = await runGraph({ graph, ...later(first.store.rows(), at(2 * HOUR)) });
  assert.equal(second.end, "succeeded");
  assert.deepEqual(second.steps, ["start[]#1 succeeded", "pause[]#1 succeeded", "after[]#1 succeeded"]);
  assert.deepEqual(second.store.rows()[1]?.output, { until: pause?.wakeAt });
});

test("a short wait is slept, and nothing of it is written", async () => {
  const { end, store } = await runGraph({ graph: draw("start>pause", { pause: wait(30) }) });
  assert.equal(end, "succeeded");
  const statuses = store.writes.flatMap((write) => write.steps.map((step) => step.status));
  assert.ok(!statuses.includes("waiting"));
});

test("other branches go on to their end before the worker is let go; the earliest wait wakes it", async () => {
  const drawing = "start>long start>short start>a>b>c";
  const graph = draw(drawing, { long: wait(5 * HOUR), short: wait(HOUR), a: { type: "test.idempotent" } });
  const a: Behaviour = () => delay(20);
  const { end, steps, store } = await runGraph({ graph, behaviours: { a } });
  assert.equal(end, "waiting");
  for (const id of ["a", "b", "c"]) assert.ok(steps.includes(`${id}[]#1 succeeded`), id);
  const short = store.rows().find((row) => row.nodeId === "short");
  assert.equal(store.writes.at(-1)?.move?.availableAt, short?.wakeAt);

  const next = await runGraph({ graph, ...later(store.rows(), at(2 * HOUR)) });
  assert.equal(next.end, "waiting");
  assert.ok(next.steps.includes("short[]#1 succeeded"));
  assert.ok(next.steps.includes("long[]#1 waiting"));
  assert.equal((await runGraph({ graph, ...later(next.store.rows(), at(6 * HOUR)) })).end, "succeeded");
});

test("a wait that comes due while another branch still runs goes on at once", async () => {
  const graph = draw("start>pause>after start>slow", {
    pause: wait(1_050),
    slow: { type: "test.idempotent" },
  });
  const done = Promise.withResolvers<void>();
  const behaviours: Record<string, Behaviour> = {
    after: () => done.resolve(),
    slow: () => done.promise,
  };
  const { end, store } = await runGraph({ graph, behaviours });
  assert.equal(end, "succeeded");
  const statuses = store.writes.flatMap((write) => write.steps.map((step) => step.status));
  assert.ok(statuses.includes("waiting"), "it was written while it waited");
});

test("waits in a loop keep their lanes: no more iterations at once than allowed, all of them in the end", async () => {
  const graph = draw("start>each each:item>body>pause each:done>end", {
    each: { type: "flow.forEach", config: { items: [0, 1, 2, 3, 4], concurrency: 2 } },
    pause: wait(HOUR),
  });
  const first = await runGraph({ graph });
  const waiting = (rows: StepRecord[]) => rows.filter((row) => row.status === "waiting");
  assert.deepEqual(
    waiting(first.store.rows()).map((row) => row.iteration),
    ["0", "1"],
  );
  const second = await runGraph({ graph, ...later(first.store.rows(), at(2 * HOUR)) });
  assert.deepEqual(
    waiting(second.store.rows()).map((row) => row.iteration),
    ["2", "3"],
  );
  const third = await runGraph({ graph, ...later(second.store.rows(), at(4 * HOUR)) });
  assert.deepEqual(
    waiting(third.store.rows()).map((row) => row.iteration),
    ["4"],
  );
  const last = await runGraph({ graph, ...later(third.store.rows(), at(6 * HOUR)) });
  assert.equal(last.end, "succeeded");
  assert.equal(last.steps.filter((step) => step.startsWith("body[")).length, 5);
});

test("a node that waits for somebody is asked again with the answer, not before", async () => {
  const graph = draw("start>ask>after");
  const seen: unknown[] = [];
  const ask: Behaviour = ({ resumed }) => {
    seen.push(resumed?.answer);
    return resumed?.answer ?? new Wait({ waitsFor: { kind: "test", who: "ada" } });
  };
  const first = await runGraph({ graph, behaviours: { ask } });
  assert.equal(first.end, "waiting");
  assert.equal(first.store.writes.at(-1)?.move?.availableAt, null, "nothing but somebody wakes it");
  assert.deepEqual(first.store.rows()[1]?.state, { waitsFor: { kind: "test", who: "ada" } });

  const unanswered = await runGraph({ graph, behaviours: { ask }, ...later(first.store.rows(), at(HOUR)) });
  assert.equal(unanswered.end, "waiting");
  assert.deepEqual(seen, [undefined]);

  const answered = first.store.rows().map((row) => ({
    ...row,
    ...(row.state ? { state: { ...row.state, answer: { yes: true } } } : {}),
  }));
  const second = await runGraph({ graph, behaviours: { ask }, ...later(answered, at(HOUR)) });
  assert.equal(second.end, "succeeded");
  assert.deepEqual(seen, [undefined, { yes: true }]);
  assert.deepEqual(second.store.rows()[1]?.output, { yes: true });
});

test("a node's own timeout ends its wait, retry and onError apply; the default one does not", async () => {
  const data = { type: "test.pure", timeoutMs: 60_000, onError: "error" };
  const graph = draw("start>ask>never ask:error>handled", { ask: data });
  const ask: Behaviour = () => new Wait({ waitsFor: { kind: "test" }, until: HOUR });
  const first = await runGraph({ graph, behaviours: { ask } });
  const row = first.store.rows()[1];
  assert.equal(Date.parse(row?.wakeAt ?? "") - Date.parse(row?.startedAt ?? ""), 60_000);
  const second = await runGraph({ graph, behaviours: { ask }, ...later(first.store.rows(), at(90_000)) });
  assert.equal(second.end, "succeeded");
  assert.equal(second.store.rows()[1]?.error?.code, "timeout");
  assert.ok(second.steps.includes("handled[]#1 succeeded"));
  const wayOff = draw("start>ask", { ask: { type: "test.pure" } });
  const patient = await runGraph({ graph: wayOff, behaviours: { ask } });
  assert.equal(patient.store.rows()[1]?.state?.until, patient.store.rows()[1]?.wakeAt);
});

test("a wait of more than a year fails the node", async () => {
  const graph = draw("start>pause", {
    pause: { type: "flow.wait", config: { until: "2027-03-02T12:00:00Z" } },
  });
  const { end, error } = await runGraph({ graph });
  assert.equal(end, "failed");
  assert.equal((error as { code: string }).code, "wait_too_long");
});

test("the run's own time limit wakes what waits, and ends it", async () => {
  const drawn = draw("start>pause", { pause: wait(5 * HOUR) }) as Record<string, unknown>;
  const graph = { ...drawn, settings: { timeoutMs: HOUR } };
  const first = await runGraph({ graph });
  assert.equal(first.store.writes.at(-1)?.move?.availableAt, at(HOUR));
  const second = await runGraph({ graph, ...later(first.store.rows(), at(HOUR)) });
  assert.equal(second.end, "failed");
  assert.equal((second.error as { code: string }).code, "timeout");
});

test("a back-off of more than five seconds lets the worker go, a shorter one does not", async () => {
  const retry = { maxAttempts: 2, backoffMs: 0, maxBackoffMs: HOUR };
  const graph = draw("start>call>after", { call: { type: "test.idempotent", retry } });
  const call: Behaviour = ({ attempt }) => {
    if (attempt > 1) return "done";
    throw new AppError("busy", "later", { retryable: true, details: { retryAfterMs: 600_000 } });
  };
  const first = await runGraph({ graph, behaviours: { call } });
  assert.equal(first.end, "waiting");
  assert.deepEqual(first.steps, ["start[]#1 succeeded", "call[]#1 failed"]);
  const failed = first.store.rows()[1];
  assert.equal(first.store.writes.at(-1)?.move?.availableAt, failed?.wakeAt);
  const early = await runGraph({ graph, behaviours: { call }, ...later(first.store.rows(), at(300_000)) });
  assert.equal(early.end, "waiting");
  const second = await runGraph({ graph, behaviours: { call }, ...later(first.store.rows(), at(HOUR)) });
  assert.equal(second.end, "succeeded");
  assert.deepEqual(second.steps.slice(1), ["call[]#1 failed", "call[]#2 succeeded", "after[]#1 succeeded"]);

  const quick: Behaviour = ({ attempt }) => {
    if (attempt > 1) return "done";
    throw new AppError("busy", "later", { retryable: true, details: { retryAfterMs: 20 } });
  };
  assert.equal((await runGraph({ graph, behaviours: { call: quick } })).end, "succeeded");
});

test("a cancel or a sibling's failure ends the waits with the run; a stopped worker leaves them as they are", async () => {
  const graph = draw("start>pause start>work", { pause: wait(HOUR), work: { type: "test.idempotent" } });
  for (const [code, end, status] of [
    ["cancelled", "cancelled", "cancelled"],
    ["shutdown", "queued", "waiting"],
  ] as const) {
    const controller = new AbortController();
    const work: Behaviour = () => {
      setTimeout(() => controller.abort(new AppError(code, code)), 20);
      return delay(5_000, undefined, { signal: controller.signal, ref: false });
    };
    const store = createMemoryStore();
    const run = await runGraph({ graph, store, behaviours: { work }, signal: controller.signal });
    assert.equal(run.end, end);
    assert.ok(run.steps.includes(`pause[]#1 ${status}`), run.steps.join());
  }
  const work: Behaviour = () => delay(20).then(() => Promise.reject(new Error("broken")));
  const failed = await runGraph({ graph, behaviours: { work } });
  assert.equal(failed.end, "failed");
  assert.ok(failed.steps.includes("pause[]#1 cancelled"), failed.steps.join());
});
