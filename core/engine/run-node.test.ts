// Nodes that fail: what their onError makes of it, when they are tried again, and the limit on their time.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import type { StepError } from "#core/domain/journal.ts";
import {
  type Behaviour,
  closeEvaluator,
  draw,
  runGraph,
  type TestResult,
} from "../../test/support/engine.ts";

after(closeEvaluator);

const busy = (retryAfterMs?: number) =>
  new AppError("http_status", "Busy", {
    retryable: true,
    details: { status: 503, ...(retryAfterMs && { retryAfterMs }) },
  });
const transform = (value: unknown) => ({ type: "data.transform", config: { value } });
const fails: Behaviour = () => {
  throw new AppError("no_stock", "Nothing left", { details: { sku: "a" } });
};

test("onError fail: the execution fails with code, message, node and details, without the engine's own marks", async () => {
  const { end, error, steps } = await runGraph({ graph: draw("start>buy>ship"), behaviours: { buy: fails } });
  assert.equal(end, "failed");
  assert.deepEqual(error, {
    code: "no_stock",
    message: "Nothing left",
    nodeId: "buy",
    details: { sku: "a" },
  });
  assert.deepEqual(steps, ["start[]#1 succeeded", "buy[]#1 failed"]);
});

test("onError continue: the next node runs and sees the error as output", async () => {
  const graph = draw("start>buy>ship", {
    buy: { type: "test.pure", onError: "continue" },
    ship: transform("{{ nodes.buy.error.code }}"),
  });
  const { output } = await runGraph({ graph, behaviours: { buy: fails } });
  assert.equal(output, "no_stock");
});

test("onError error: port error is taken and the main way is dead; without failure the other way round", async () => {
  const graph = draw("start>buy>ship buy:error>refund", {
    buy: { type: "test.pure", onError: "error" },
    ship: transform("shipped"),
    refund: transform("{{ 'refund for ' & nodes.buy.error.message }}"),
  });
  const failed = await runGraph({ graph, behaviours: { buy: fails } });
  assert.equal(failed.output, "refund for Nothing left");
  assert.ok(!failed.steps.some((step) => step.startsWith("ship")));
  const fine = await runGraph({ graph });
  assert.equal(fine.output, "shipped");
});

test("a retryable failure is tried again as often as allowed, each attempt a step of its own, under one key", async () => {
  const keys: string[] = [];
  const attempts: number[] = [];
  const buy: Behaviour = ({ attempt, idempotencyKey }) => {
    attempts.push(attempt);
    keys.push(idempotencyKey);
    if (attempt < 3) throw busy();
    return "bought";
  };
  const retry = { maxAttempts: 3, backoffMs: 1, maxBackoffMs: 2 };
  const { output, steps } = await runGraph({
    graph: draw("start>buy", { buy: { type: "test.idempotent", retry } }),
    behaviours: { buy },
  });
  assert.equal(output, "bought");
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.equal(new Set(keys).size, 1);
  assert.deepEqual(steps.slice(1), ["buy[]#1 failed", "buy[]#2 failed", "buy[]#3 succeeded"]);
});

test("after the last allowed attempt the failure is final; what is not retryable is not tried again", async () => {
  const runWith = async (error: AppError) => {
    let calls = 0;
    const buy: Behaviour = () => {
      calls++;
      throw error;
    };
    const retry = { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 };
    const graph = draw("start>buy", { buy: { type: "test.idempotent", retry } });
    return { ...(await runGraph({ graph, behaviours: { buy } })), calls };
  };
  const busyEnd = await runWith(busy());
  assert.equal(busyEnd.calls, 3);
  assert.equal((busyEnd.error as StepError).code, "http_status");
  assert.equal((await runWith(new AppError("no_stock", "Nothing left"))).calls, 1);
});

test("Retry-After is waited for, up to the policy's longest back-off", async () => {
  const waits: number[] = [];
  const retry = { maxAttempts: 2, backoffMs: 0, maxBackoffMs: 60 };
  let failedAt = 0;
  const buy: Behaviour = ({ attempt }) => {
    if (attempt === 2) return void waits.push(performance.now() - failedAt);
    failedAt = performance.now();
    throw busy(86_400_000);
  };
  const { end } = await runGraph({
    graph: draw("start>buy", { buy: { type: "test.pure", retry } }),
    behaviours: { buy },
  });
  assert.equal(end, "succeeded");
  // A day was asked for; the policy allows 60 ms, and timers may be a millisecond early.
  assert.ok((waits[0] ?? 0) >= 58, `waited ${waits[0]} ms`);
});

test("a node that ignores its signal is left behind at its timeout, which is retryable", async () => {
  const abandoned: AbortSignal[] = [];
  const graph = draw("start>hang", {
    hang: {
      type: "test.idempotent",
      timeoutMs: 20,
      retry: { maxAttempts: 2, backoffMs: 0, maxBackoffMs: 0 },
    },
  });
  const hang: Behaviour = ({ signal }) => {
    abandoned.push(signal);
    return new Promise(() => {});
  };
  const { end, error } = await runGraph({ graph, behaviours: { hang } });
  assert.equal(end, "failed");
  assert.equal((error as StepError).code, "timeout");
  assert.equal((error as StepError).nodeId, "hang");
  assert.deepEqual(
    abandoned.map((signal) => signal.aborted),
    [true, true],
  );
});

test("a node that fails after its timeout disturbs nobody", async (t) => {
  const late = Promise.withResolvers<never>();
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", onUnhandled);
  t.after(() => process.off("unhandledRejection", onUnhandled));
  const graph = draw("start>hang", { hang: { type: "test.pure", timeoutMs: 5 } });
  await runGraph({ graph, behaviours: { hang: () => late.promise } });
  late.reject(new Error("too late"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(unhandled, []);
});

test("a config whose expression fails is that node's failure, before its effect", async () => {
  let ran = false;
  const graph = draw("start>send", {
    send: { type: "test.idempotent", config: { to: "{{ input.a.b & 1 / 0 }}" } },
  });
  const { error } = await runGraph({ graph, behaviours: { send: () => (ran = true) } });
  assert.equal((error as StepError).nodeId, "send");
  assert.match((error as StepError).code, /^expression_/);
  assert.equal(ran, false);
});

test("whatever a node throws is stored: texts, nothing, broken texts, huge and circular details", async () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const thrown: [unknown, (error: StepError) => boolean][] = [
    ["just text", (error) => error.code === "node_failed" && error.message === "just text"],
    [undefined, (error) => error.message === "undefined"],
    [new Error("half \ud800 and \0"), (error) => error.message === "half \ufffd and \ufffd"],
    [
      new AppError("big", "Big", { details: { all: "x".repeat(300_000) } }),
      (error) => error.code === "big" && error.message === "Big",
    ],
    [new AppError("round", "Round", { details: circular }), (error) => error.code === "round"],
    [new Error("y".repeat(10_000)), (error) => error.message.length === 2_000],
  ];
  for (const [reason, holds] of thrown) {
    const bad: Behaviour = () => {
      throw reason;
    };
    const result: TestResult = await runGraph({ graph: draw("start>bad"), behaviours: { bad } });
    assert.equal(result.end, "failed");
    assert.ok(holds(result.error as StepError), JSON.stringify(result.error).slice(0, 200));
    assert.equal(result.steps.at(-1), "bad[]#1 failed");
  }
});

test("an effect whose node cannot tell whether it took place is parked, also past onError; another's is a failure", async () => {
  const doubt: Behaviour = () => {
    throw new AppError("effect_in_doubt", "The answer was lost", { retryable: true });
  };
  const run = (type: string) => {
    const retry = { maxAttempts: 3, backoffMs: 0, maxBackoffMs: 0 };
    const graph = draw("start>pay>ship", { pay: { type, onError: "continue", retry } });
    return runGraph({ graph, behaviours: { pay: doubt } });
  };
  const parked = await run("test.effectful");
  assert.equal(parked.end, "waiting");
  assert.deepEqual(parked.steps, ["start[]#1 succeeded", "pay[]#1 unknown"]);
  const failed = await run("test.idempotent");
  assert.deepEqual(failed.steps.slice(1, 4), ["pay[]#1 failed", "pay[]#2 failed", "pay[]#3 failed"]);
});

test("flow.fail ends the execution with its message", async () => {
  const graph = draw("start>stop", {
    stop: { type: "flow.fail", config: { message: "{{ 'no ' & input }}" } },
  });
  const { error } = await runGraph({ graph, execution: { input: "stock" } });
  assert.equal((error as StepError).message, "no stock");
  assert.equal((error as StepError).nodeId, "stop");
});
