// Who gets a process and how it is taken away: with a limit of an hour, nothing here ends by running out of time.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { AppError } from "#core/domain/app-error.ts";
import { compileExpression } from "./compile-expression.ts";
import { createEvaluator, type Evaluator } from "./evaluator.ts";
import { compileConfig, resolveConfig } from "./resolve-config.ts";
import type { Scope } from "./scope.ts";

const ENDLESS = "($f := function($x){ $f($x + 1) }; $f(0))";
const QUICK = "$sum([1, 2])";
const scope: Scope = {
  input: null,
  nodes: {},
  trigger: null,
  execution: { id: "e", startedAt: "2026-01-01T00:00:00.000Z" },
};

function poolOf(t: TestContext, poolSize: number): Evaluator {
  const evaluator = createEvaluator({ poolSize, timeoutMs: 3_600_000 });
  t.after(() => evaluator.close());
  return evaluator;
}

async function evaluate(evaluator: Evaluator, source: string, key: string, signal?: AbortSignal) {
  return evaluator.evaluate(compileExpression(source), scope, "", { key, ...(signal && { signal }) });
}

/** Resolves when somebody of another key has been through, so that what was added before runs. */
function passBy(evaluator: Evaluator): Promise<unknown> {
  return evaluate(evaluator, QUICK, "somebody");
}

test("the endless expressions of one key never hold every process", async (t) => {
  const evaluator = poolOf(t, 2);
  const controller = new AbortController();
  const bombs = Array.from({ length: 20 }, () => evaluate(evaluator, ENDLESS, "a", controller.signal));
  const settled = Promise.allSettled(bombs);
  assert.equal(await evaluate(evaluator, QUICK, "b"), 3);
  assert.equal(await evaluate(evaluator, QUICK, "c"), 3);
  controller.abort(new Error("enough"));
  for (const result of await settled) {
    assert.equal((result as PromiseRejectedResult).reason, controller.signal.reason);
  }
  assert.equal(await evaluate(evaluator, QUICK, "a"), 3);
});

test("an abort kills what runs, and another process takes its place", async (t) => {
  const evaluator = poolOf(t, 2);
  const controller = new AbortController();
  const running = evaluate(evaluator, ENDLESS, "a", controller.signal);
  const next = evaluate(evaluator, QUICK, "a");
  running.catch(() => {});
  await passBy(evaluator);
  const reason = new Error("cancelled");
  controller.abort(reason);
  await assert.rejects(running, (error) => error === reason);
  assert.equal(await next, 3);
});

test("an abort ends what waits, while what runs goes on", async (t) => {
  const evaluator = poolOf(t, 1);
  const [first, second] = [new AbortController(), new AbortController()];
  const order: string[] = [];
  const running = evaluate(evaluator, ENDLESS, "a", first.signal).catch(() => order.push("running"));
  const waiting = evaluate(evaluator, QUICK, "a", second.signal).catch(() => order.push("waiting"));
  second.abort(new Error("cancelled"));
  await waiting;
  first.abort(new Error("cancelled too"));
  await running;
  assert.deepEqual(order, ["waiting", "running"]);
  assert.equal(await evaluate(evaluator, QUICK, "a"), 3);
});

test("a config passes key and signal on, and its rejection is the signal's reason itself", async (t) => {
  const evaluator = poolOf(t, 2);
  const controller = new AbortController();
  const config = compileConfig({ a: `{{ ${ENDLESS} }}`, b: [`{{ ${ENDLESS} }}`] });
  const resolved = resolveConfig(config, scope, evaluator, "", { key: "a", signal: controller.signal });
  const rejected = assert.rejects(
    async () => resolved,
    (error) => error === controller.signal.reason,
  );
  // Without the key the two would hold both processes.
  await passBy(evaluator);
  controller.abort(new AppError("cancelled", "cancelled"));
  await rejected;
});
