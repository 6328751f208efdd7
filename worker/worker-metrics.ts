// What a worker tells Prometheus: how old claims are, how long nodes and executions take, and what became of leases.
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ClaimedExecution } from "#core/domain/journal.ts";
import type { AttemptEnd } from "#core/domain/run-observer.ts";
import type { RunEnd } from "#core/engine/run-execution.ts";

export type WorkerMetrics = {
  claimed(execution: ClaimedExecution): void;
  attempted(attempt: AttemptEnd): void;
  /** `seconds` since the execution's first claim, whoever made it. */
  ended(end: RunEnd, seconds: number): void;
};

const STEP_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 300];
const EXECUTION_SECONDS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 300, 3_600];
const CLAIM_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 15, 60, 600];

/** `running` counts what this worker holds a lease of. */
export function createWorkerMetrics(registry: Registry, running: () => number): WorkerMetrics {
  const registers = [registry];
  const claimAge = new Histogram({
    name: "atelier_claim_age_seconds",
    help: "From when an execution could have been taken to its claim",
    buckets: CLAIM_SECONDS,
    registers,
  });
  const steps = new Histogram({
    name: "atelier_step_duration_seconds",
    help: "One attempt of a node, by its type and how it ended",
    labelNames: ["node_type", "outcome"] as const,
    buckets: STEP_SECONDS,
    registers,
  });
  const executions = new Histogram({
    name: "atelier_execution_duration_seconds",
    help: "From the first claim of an execution to its end, by the state it ended in",
    labelNames: ["status"] as const,
    buckets: EXECUTION_SECONDS,
    registers,
  });
  const released = new Counter({
    name: "atelier_leases_released_total",
    help: "Claims this worker let go of, by what became of them; lost: another worker has the execution",
    labelNames: ["end"] as const,
    registers,
  });
  new Gauge({
    name: "atelier_leases_held",
    help: "Executions this worker runs now",
    registers,
    collect() {
      this.set(running());
    },
  });
  return {
    claimed: (execution) => claimAge.observe(Math.max(execution.queuedSeconds, 0)),
    attempted: ({ nodeType, outcome, endedAt, startedAt }) =>
      steps.observe({ node_type: nodeType, outcome }, (endedAt - startedAt) / 1_000),
    ended(end, seconds) {
      released.inc({ end });
      if (end === "succeeded" || end === "failed" || end === "cancelled") {
        executions.observe({ status: end }, seconds);
      }
    },
  };
}
