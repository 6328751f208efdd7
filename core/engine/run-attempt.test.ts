// What surrounds a node's config: whose turn its expressions take, how long they may, what ends them, what they see.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import type { StepError } from "#core/domain/journal.ts";
import { compileExpression } from "#core/expression/compile-expression.ts";
import { createEvaluator, type Evaluator } from "#core/expression/evaluator.ts";
import type { Behaviour } from "../../test/support/engine.ts";
import { claimOf, compileTest, createMemoryStore, draw, testEngine } from "../../test/support/engine.ts";
import { runExecution } from "./run-execution.ts";

const ENDLESS = "{{ ($f := function($x){ $f($x + 1) }; $f(0)) }}";
const transform = (value: unknown, more: object = {}) => ({
  type: "data.transform",
  config: { value },
  ...more,
});

/** No evaluation ends by its own limit: that is an hour. */
function evaluatorOf(t: TestContext, poolSize: number): Evaluator {
  const evaluator = createEvaluator({ poolSize, timeoutMs: 3_600_000 });
  t.after(() => evaluator.close());
  return evaluator;
}

type Run = { signal?: AbortSignal; workspaceId?: string; behaviours?: Record<string, Behaviour> };

async function run(evaluator: Evaluator, graph: unknown, options: Run = {}) {
  const store = createMemoryStore();
  const { workspaceId, behaviours = {} } = options;
  const end = await runExecution(
    { ...testEngine(store, {}).engine, evaluator },
    {
      execution: claimOf(workspaceId === undefined ? {} : { workspaceId }),
      workflow: compileTest(graph, behaviours),
      history: [],
      signal: options.signal ?? new AbortController().signal,
    },
  );
  const move = store.writes.at(-1)?.move;
  const ofNode = (id: string) => store.rows().filter((row) => row.nodeId === id);
  return { end, output: move?.output, error: move?.error as StepError | null, ofNode };
}

/** Holds the only process of a pool until aborted. */
function occupy(evaluator: Evaluator): AbortController {
  const controller = new AbortController();
  const endless = compileExpression(ENDLESS.slice(2, -2));
  const options = { key: "somebody else", signal: controller.signal };
  const running = evaluator.evaluate(
    endless,
    { input: null, nodes: {}, trigger: null, execution: { id: "", startedAt: "2026-01-01T00:00:00.000Z" } },
    "",
    options,
  ) as Promise<unknown>;
  running.catch(() => {});
  return controller;
}

const retry = { maxAttempts: 2, backoffMs: 0, maxBackoffMs: 0 };

test("the evaluation of a node's config ends at the node's timeout, which is retryable", async (t) => {
  const graph = draw("start>work", { work: transform(ENDLESS, { timeoutMs: 20, retry }) });
  const { end, error, ofNode } = await run(evaluatorOf(t, 1), graph);
  assert.equal(end, "failed");
  assert.deepEqual(error, { code: "timeout", message: "The node took longer than 20 ms", nodeId: "work" });
  assert.deepEqual(
    ofNode("work").map((step) => [step.status, step.error?.code, step.error?.retryable]),
    [
      ["failed", "timeout", true],
      ["failed", "timeout", true],
    ],
  );
});

test("waiting for a process counts towards the node's timeout", async (t) => {
  const evaluator = evaluatorOf(t, 1);
  const other = occupy(evaluator);
  const graph = draw("start>work", { work: transform("{{ $sum([1, 2]) }}", { timeoutMs: 20 }) });
  assert.equal((await run(evaluator, graph)).error?.code, "timeout");
  other.abort();
  const patient = draw("start>work", { work: transform("{{ $sum([1, 2]) }}") });
  assert.equal((await run(evaluator, patient)).output, 3);
});

test("a cancel ends evaluations that run and that wait", async (t) => {
  const evaluator = evaluatorOf(t, 1);
  const controller = new AbortController();
  const graph = draw("start>ready start>loop:item>work", {
    loop: { type: "flow.forEach", config: { items: [1, 2, 3, 4], concurrency: 4 } },
    work: transform(ENDLESS, { onError: "continue" }),
  });
  const ready: Behaviour = () => {
    setImmediate(() => controller.abort(new AppError("cancelled", "stop")));
  };
  const { end, error } = await run(evaluator, graph, { signal: controller.signal, behaviours: { ready } });
  assert.equal(end, "cancelled");
  assert.deepEqual(error, { code: "cancelled", message: "stop" });
  const next = draw("start>work", { work: transform("{{ $sum([1, 2]) }}") });
  assert.equal((await run(evaluator, next)).output, 3, "the process is free again");
});

test("a workspace whose expressions never end leaves a process to the others", async (t) => {
  const evaluator = evaluatorOf(t, 2);
  const controller = new AbortController();
  const bomb = transform(ENDLESS, { onError: "continue" });
  const bombs = draw("start>one start>two start>three start>later>ready", {
    one: bomb,
    two: bomb,
    three: bomb,
  });
  const ready = Promise.withResolvers<void>();
  const behaviours: Record<string, Behaviour> = { ready: () => ready.resolve() };
  const bombing = run(evaluator, bombs, { signal: controller.signal, workspaceId: "a", behaviours });
  await ready.promise;
  const graph = draw("start>work", { work: transform("{{ $sum([1, 2]) }}") });
  assert.equal((await run(evaluator, graph, { workspaceId: "b" })).output, 3);
  controller.abort(new AppError("cancelled", "stop"));
  assert.equal((await bombing).end, "cancelled");
});

test("dynamic references see ancestors only, even when a sibling has ended before", async (t) => {
  const sibling = Promise.withResolvers<void>();
  const graph = draw("start>a>keys start>quick>after keys>join after>join", {
    keys: transform({
      keys: "{{ $keys(nodes) }}",
      other: "{{ $exists($lookup(nodes, 'quick')) }}",
      all: "{{ 'quick' in nodes.* }}",
      whole: "{{ $keys($$.nodes) }}",
    }),
    join: transform("{{ $merge([nodes.keys, { 'join': $keys(nodes) }]) }}"),
  });
  const behaviours: Record<string, Behaviour> = {
    a: () => sibling.promise.then(() => "a"),
    quick: () => "quick",
    after: () => sibling.resolve(),
  };
  const { output } = await run(evaluatorOf(t, 2), graph, { behaviours });
  assert.deepEqual(output, {
    keys: ["start", "a"],
    other: false,
    all: false,
    whole: ["start", "a"],
    join: ["keys", "start", "a", "quick", "after"],
  });
});

test("in a loop's body dynamic references see the body's ancestors and what lies before, not the loop", async (t) => {
  const keys = "{{ $sort($keys(nodes)) }}";
  const graph = draw("start>before>loop:item>x>y loop:item>z loop:done>end", {
    loop: { type: "flow.forEach", config: { items: [1, 2], concurrency: 1 } },
    y: transform(keys),
    end: transform({ inside: "{{ nodes.loop.y }}", keys }),
  });
  const { output } = await run(evaluatorOf(t, 2), graph);
  assert.deepEqual(output, {
    inside: ["before", "start", "x", "before", "start", "x"],
    keys: ["before", "loop", "start"],
  });
});

test("an ancestor in the body of a loop that does not enclose the node is out of sight", () => {
  const loop = { type: "flow.forEach", config: { items: [1] } };
  const { visibleTo } = compileTest(
    draw("start>one:item>a>both start>two:item>b>both", { one: loop, two: loop }),
  );
  const visible = visibleTo("both");
  assert.equal(visible.includes("a") && visible.includes("b"), false);
  assert.ok(visible.includes("start"));
  assert.equal(visible, visibleTo("both"), "worked out once");
});
