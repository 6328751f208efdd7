// The worker's registry, and those who write into it.
import type { Registry } from "prom-client";
import type { TraceRun } from "#core/domain/tracing.ts";
import type { Logger } from "#core/logger.ts";
import type { Database } from "#core/persistence/database.ts";
import { createCommitMetrics, type ObserveCommit } from "#core/telemetry/commit-metrics.ts";
import { createProcessRegistry } from "#core/telemetry/process-metrics.ts";
import { createExecutionWatch, type WatchExecution } from "./observe-execution.ts";
import type { RunningExecutions } from "./running-executions.ts";
import { createWorkerMetrics } from "./worker-metrics.ts";

export type BuiltMetrics = {
  registry: Registry;
  observeCommits: (writer: string) => ObserveCommit;
  watch: WatchExecution;
};

export function buildMetrics({
  database,
  running,
  logger,
  traceRun,
}: {
  database: Database;
  running: RunningExecutions;
  logger: Logger;
  traceRun: TraceRun | undefined;
}): BuiltMetrics {
  const registry = createProcessRegistry("worker", database.connections);
  return {
    registry,
    observeCommits: createCommitMetrics(registry),
    watch: createExecutionWatch(logger, createWorkerMetrics(registry, running.count), traceRun),
  };
}
