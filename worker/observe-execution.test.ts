// One claim as metrics and log see it: figures by type and end, one line for a failure, and no data anywhere.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Registry } from "prom-client";
import { runExecution } from "#core/engine/run-execution.ts";
import { createLogger } from "#core/logger.ts";
import {
  claimOf,
  closeEvaluator,
  compileTest,
  createMemoryStore,
  draw,
  testEngine,
} from "../test/support/engine.ts";
import { createExecutionWatch } from "./observe-execution.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";

const CANARY = "canary-51b0";

after(closeEvaluator);

async function run(behaviour: () => unknown) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger("worker", "info", {
    write: (line: string) => void lines.push(JSON.parse(line)),
  });
  const registry = new Registry();
  const watch = createExecutionWatch(
    logger,
    createWorkerMetrics(registry, () => 3),
    undefined,
  );
  const execution = claimOf({ input: CANARY, queuedSeconds: 0.2 });
  const observer = watch(execution);
  const behaviours = { work: behaviour };
  const end = await runExecution(testEngine(createMemoryStore(), behaviours).engine, {
    execution,
    workflow: compileTest(draw("start>work"), behaviours),
    history: [],
    signal: new AbortController().signal,
    observer,
  });
  observer.ended(end);
  return { lines, text: await registry.metrics(), execution };
}

test("a claim that succeeds is counted by node type and end, and writes no line", async () => {
  const { lines, text } = await run(() => CANARY);
  assert.deepEqual(lines, []);
  assert.match(text, /^atelier_claim_age_seconds_sum 0\.2$/m);
  assert.match(
    text,
    /^atelier_step_duration_seconds_count\{node_type="test\.pure",outcome="succeeded"\} 1$/m,
  );
  assert.match(
    text,
    /^atelier_step_duration_seconds_count\{node_type="trigger\.manual",outcome="succeeded"\} 1$/m,
  );
  assert.match(text, /^atelier_execution_duration_seconds_count\{status="succeeded"\} 1$/m);
  assert.match(text, /^atelier_leases_released_total\{end="succeeded"\} 1$/m);
  assert.match(text, /^atelier_leases_held 3$/m);
});

test("A68: a failure is one line with its code and duration; no message, no input, no id in a label", async () => {
  const { lines, text, execution } = await run(() => {
    throw new Error(`could not read ${CANARY}`);
  });
  assert.equal(lines.length, 1);
  const [line = {}] = lines;
  assert.deepEqual(
    [line.level, line.msg, line.executionId, line.fence, line.nodeId],
    ["info", "execution failed", execution.id, 1, "work"],
  );
  assert.equal(typeof line.code, "string");
  assert.equal(typeof line.ms, "number");
  assert.ok(!JSON.stringify(lines).includes(CANARY));
  assert.match(text, /outcome="failed"\} 1$/m);
  assert.ok(!text.includes(CANARY) && !text.includes(execution.id));
});
