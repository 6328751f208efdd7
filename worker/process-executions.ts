// From ring to end: claim, load, run, let go. Translates every failure; a ring never rejects.
import { AppError } from "#core/domain/app-error.ts";
import { MAX_CRASHES } from "#core/domain/execution.ts";
import type { ClaimedExecution } from "#core/domain/journal.ts";
import { type EngineDependencies, type RunEnd, runExecution } from "#core/engine/run-execution.ts";
import type { Logger } from "#core/logger.ts";
import { loadSteps } from "#core/persistence/claim-executions.ts";
import type { Database } from "#core/persistence/database.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import type { ClaimGate } from "./claim-gate.ts";
import type { Isolation } from "./isolation.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import type { RunningExecutions } from "./running-executions.ts";
import type { WorkflowCache } from "./workflow-cache.ts";

export type ProcessorDependencies = {
  database: Database;
  queue: ExecutionQueue;
  gate: ClaimGate;
  leases: LeaseKeeper;
  isolation: Isolation;
  workflows: WorkflowCache;
  running: RunningExecutions;
  engine: EngineDependencies;
  logger: Logger;
};

/** Answers one ring. Resolves when the execution has ended, moved on or turned out not to be ours. */
export function createProcessor(dependencies: ProcessorDependencies): (executionId: string) => Promise<void> {
  const { gate, leases, running, logger } = dependencies;

  return async (executionId) => {
    try {
      const execution = await gate.claim(executionId);
      if (!execution) return;
      const signal = running.add(execution.id);
      leases.hold(execution.id);
      try {
        const end = await runClaimed(dependencies, execution, signal);
        const { fence } = execution;
        if (end === "lost")
          logger.warn({ executionId, fence }, "lease lost, another worker has this execution");
        else logger.debug({ executionId, fence, end }, "execution let go");
      } finally {
        leases.drop(execution.id);
        running.remove(execution.id);
      }
    } catch (error) {
      // The row tells the truth: what is still ours is taken back by the reaper when the lease runs out.
      logger.error({ err: error, executionId }, "execution not processed, recovery will take it");
    }
  };
}

async function runClaimed(
  dependencies: ProcessorDependencies,
  execution: ClaimedExecution,
  signal: AbortSignal,
): Promise<RunEnd> {
  const { database, isolation, workflows, engine, queue } = dependencies;
  const isSuspect = execution.crashCount >= MAX_CRASHES - 1;
  const end = await isolation.run(isSuspect, async () => {
    try {
      const workflow = await workflows.get(execution.workflowId, execution.version);
      const history = execution.hasHistory ? await loadSteps(database, execution.id) : [];
      return await runExecution(engine, { execution, workflow, history, signal });
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "invalid_version") throw error;
      const move = { to: "failed", error: { code: error.code, message: error.message } } as const;
      await engine.store.write({ executionId: execution.id, fence: execution.fence, steps: [], move });
      return move.to;
    }
  });
  if (end === "queued") {
    await queue.ring([{ executionId: execution.id, wake: execution.wake + 1, priority: execution.priority }]);
  }
  return end;
}
