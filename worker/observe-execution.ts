// Watches one claim of an execution from its lease to its end: metrics, a trace, and a line when it failed.
import type { ClaimedExecution, ExecutionMove } from "#core/domain/journal.ts";
import type { RunObserver } from "#core/domain/run-observer.ts";
import type { TraceRun } from "#core/domain/tracing.ts";
import type { RunEnd } from "#core/engine/run-execution.ts";
import type { Logger } from "#core/logger.ts";
import type { WorkerMetrics } from "./worker-metrics.ts";

export type ExecutionWatch = RunObserver & {
  /** Every line that goes through it names the execution. Made when first asked: most write none. */
  log(): Logger;
  /** undefined: the run broke off without an end of its own. */
  ended(end: RunEnd | undefined): void;
};

export type WatchExecution = (execution: ClaimedExecution) => ExecutionWatch;

export function createExecutionWatch(
  logger: Logger,
  metrics: WorkerMetrics | undefined,
  traceRun: TraceRun | undefined,
): WatchExecution {
  return (execution) => {
    const claimedAt = performance.now();
    const trace = traceRun?.(execution);
    let child: Logger | undefined;
    let failure: ExecutionMove["error"];
    metrics?.claimed(execution);
    const log = () => {
      child ??= logger.child({ executionId: execution.id, fence: execution.fence });
      return child;
    };
    return {
      log,
      attempted(attempt) {
        metrics?.attempted(attempt);
        trace?.attempted(attempt);
      },
      moved({ error }) {
        failure = error;
      },
      ended(end) {
        const ms = msSinceFirstClaim(execution, claimedAt);
        trace?.ended(end ?? "broken_off", failure?.code);
        if (end) metrics?.ended(end, ms / 1_000);
        if (end === "lost") log().warn("lease lost, another worker has this execution");
        else if (end === "failed") {
          // Code and place only: the message may quote what the execution works on.
          const { workflowId, version } = execution;
          const { code, nodeId } = failure ?? {};
          log().info({ workflowId, version, code, nodeId, ms: Math.round(ms) }, "execution failed");
        } else if (logger.isLevelEnabled("debug")) log().debug({ end }, "execution let go");
      },
    };
  };
}

function msSinceFirstClaim({ startedAt, claimedAt }: ClaimedExecution, claimed: number): number {
  return Date.parse(claimedAt) - Date.parse(startedAt) + performance.now() - claimed;
}
