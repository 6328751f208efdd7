// The scheduler's figures: its own when it holds the lock, none when another does; recovery and anchors as they happen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Registry } from "prom-client";
import { createLogger } from "#core/logger.ts";
import { startCensusLoop } from "./census-loop.ts";
import { createSchedulerMetrics } from "./scheduler-metrics.ts";

const PATIENCE = { timeout: 15_000 };
const CENSUS = {
  ...{ due: 4, later: 2, running: 3, orphaned: 1, waiting: 6, oldestSeconds: 12.5 },
  ...{ approvals: 5, oldestApprovalSeconds: 99.5, alive: 2, silent: 1 },
};

test(
  "only the holder of the lock reports a census, and a failed look leaves no old figures",
  PATIENCE,
  async () => {
    const registry = new Registry();
    const metrics = createSchedulerMetrics(registry, () => 0);
    let holds = true;
    let isAway = false;
    const loop = startCensusLoop({
      isHolder: () => holds,
      take: async () => {
        if (isAway) throw new Error("no database");
        return CENSUS;
      },
      report: metrics.counted,
      logger: createLogger("scheduler", "silent"),
      passMs: 5,
    });
    const until = async (condition: (text: string) => boolean) => {
      for (const deadline = Date.now() + 10_000; !condition(await registry.metrics()); await delay(5))
        if (Date.now() > deadline) throw new Error(`it did not come true: ${condition}`);
    };
    await until((text) => /^atelier_executions\{state="queued"\} 4$/m.test(text));
    const text = await registry.metrics();
    assert.match(text, /^atelier_oldest_queued_age_seconds 12\.5$/m);
    assert.match(text, /^atelier_executions\{state="waiting"\} 6$/m);
    assert.match(text, /^atelier_approvals_pending 5$/m);
    assert.match(text, /^atelier_oldest_approval_age_seconds 99\.5$/m);
    assert.match(text, /^atelier_workers\{state="silent"\} 1$/m);
    const isEmpty = (told: string) =>
      !/^atelier_(executions|oldest_queued_age_seconds|approvals_pending|oldest_approval_age_seconds|workers)[{ ]/m.test(
        told,
      );
    isAway = true;
    await until(isEmpty);
    isAway = false;
    await until((told) => !isEmpty(told));
    holds = false;
    await until(isEmpty);
    await loop.stop();
  },
);

test("recovery and anchors are counted, and the lag is that of the last success", async () => {
  const registry = new Registry();
  let lastPassAt = 0;
  const metrics = createSchedulerMetrics(registry, () => lastPassAt);
  assert.ok(
    !/^atelier_recovery_lag_seconds /m.test(await registry.metrics()),
    "never is no number of seconds",
  );
  lastPassAt = Date.now() - 5_000;
  const reaped = { id: "x", wake: 1, priority: 0, band: 0, goneErrorWorkflowId: null };
  metrics.recovered(
    {
      reaped: [
        { ...reaped, status: "queued", crashed: true },
        { ...reaped, status: "queued", crashed: false },
        { ...reaped, status: "failed", crashed: true },
      ],
      woken: 0,
      rung: 7,
      failed: [],
    },
    0.02,
  );
  metrics.anchored(2);
  const text = await registry.metrics();
  assert.match(text, /^atelier_executions_reaped_total\{status="queued"\} 2$/m);
  assert.match(text, /^atelier_executions_crashed_total 2$/m);
  assert.match(text, /^atelier_executions_rung_again_total 7$/m);
  assert.match(text, /^atelier_audit_anchors_total 2$/m);
  const lag = Number(/^atelier_recovery_lag_seconds (\S+)$/m.exec(text)?.[1]);
  assert.ok(lag >= 5 && lag < 60, String(lag));
});
