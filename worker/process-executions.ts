// From ring to end: claim, load, run, let go. Translates every failure; a ring never rejects.
import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import type { ClaimedExecution, ExecutionMove } from "#core/domain/journal.ts";
import type { CompiledWorkflow } from "#core/engine/compile-workflow.ts";
import { type EngineDependencies, moveAfter, type RunEnd, runExecution } from "#core/engine/run-execution.ts";
import type { Logger } from "#core/logger.ts";
import type { Database } from "#core/persistence/database.ts";
import { postponeSuspect } from "#core/persistence/executions/postpone-suspect.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import { awaitDatabase, isUnavailable } from "./await-database.ts";
import type { ClaimGate } from "./claim-gate.ts";
import { createFewAtOnce, type FewAtOnce } from "./few-at-once.ts";
import type { Isolation } from "./isolation.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import { createHistoryLoader, type History, type HistoryLoader } from "./load-history.ts";
import { createExecutionWatch, type ExecutionWatch, type WatchExecution } from "./observe-execution.ts";
import type { RunningExecutions } from "./running-executions.ts";
import type { WorkflowCache } from "./workflow-cache.ts";

export type ProcessorDependencies = {
  database: Database;
  queue: ExecutionQueue;
  gate: ClaimGate;
  leases: LeaseKeeper;
  isolation: Isolation;
  /** Of those over which one worker died. */
  fewAtOnce?: FewAtOnce;
  workflows: WorkflowCache;
  running: RunningExecutions;
  engine: EngineDependencies;
  /** Default: with the bounds that suit the heap of this process. */
  loadHistory?: HistoryLoader;
  /** Told of every claim; without it, failures are logged all the same. */
  watch?: WatchExecution;
  logger: Logger;
};

/** Recovery adds its own 3 s. A suspect that found no worker empty for half a minute runs beside others. */
const POSTPONED = { forMs: 1_000, longestMs: 30_000 };

/** Answers one ring. Resolves when the execution has ended, moved on or turned out not to be ours. */
export function createProcessor(given: ProcessorDependencies): (executionId: string) => Promise<void> {
  const dependencies = { loadHistory: createHistoryLoader(given), ...given };
  const { database, gate, isolation, running, logger, fewAtOnce = createFewAtOnce() } = dependencies;

  /** False: it is a suspect and was left. */
  const runBeside = async (executionId: string, claim: ClaimGate["claim"]) => {
    const answered = await isolation.beside(async () => {
      if (running.isStopping()) return true;
      const execution = await claim(executionId);
      if (execution === "suspect") return false;
      if (execution) await runClaimed(dependencies, execution);
      return true;
    });
    return answered ?? true;
  };
  // While it runs nobody else is claimed: should it take the worker with it, nobody else is harmed.
  const runAlone = async (executionId: string) => {
    const work = async () => {
      if (running.isStopping()) return;
      const execution = await gate.claimAlone(executionId);
      if (execution) await runClaimed(dependencies, execution);
    };
    if ((await isolation.alone(work)) ?? true) return;
    // Where all workers are held by long executions it would never run: then those take the risk.
    if (!(await postponeSuspect(database, executionId, POSTPONED))) await isolation.beside(work);
  };
  const answer = async (executionId: string) => {
    crashPoint("worker.after_ring");
    if (await runBeside(executionId, gate.claim)) return;
    if (await fewAtOnce.run(() => runBeside(executionId, gate.claimAmongFew))) return;
    await runAlone(executionId);
  };

  return async (executionId) => {
    try {
      await running.during(() => answer(executionId));
    } catch (error) {
      // The row tells the truth: what is still ours is taken back by the reaper when the lease runs out.
      logger.error({ err: error, executionId }, "execution not processed, recovery will take it");
    }
  };
}

type Processor = ProcessorDependencies & { loadHistory: HistoryLoader };

const NO_HISTORY: History = { steps: [], lastSeq: 0, release: () => {} };

async function runClaimed(dependencies: Processor, execution: ClaimedExecution): Promise<void> {
  const { gate, leases, running, queue } = dependencies;
  const { id: executionId, fence, wake, priority, band } = execution;
  crashPoint("worker.after_claim");
  const signal = running.add(execution);
  const watch = watchOf(dependencies, execution);
  let end: RunEnd | undefined;
  try {
    end = await runToEnd(dependencies, execution, signal, watch);
    crashPoint("worker.after_finish");
    if (end === "queued") {
      crashPoint("worker.before_ring");
      await queue.ring([{ executionId, wake: wake + 1, priority, band }]);
    }
  } finally {
    // Whatever became of the run or its ring: its place is free.
    if (execution.isLimited) await gate.letGo(execution);
    leases.drop({ id: executionId, fence });
    running.remove(execution);
    watch.ended(end);
  }
}

function watchOf({ watch, logger }: ProcessorDependencies, execution: ClaimedExecution): ExecutionWatch {
  return (watch ?? createExecutionWatch(logger, undefined, undefined))(execution);
}

async function runToEnd(
  { workflows, engine, loadHistory }: Processor,
  execution: ClaimedExecution,
  signal: AbortSignal,
  watch: ExecutionWatch,
): Promise<RunEnd> {
  const { workflowId, version } = execution;
  let [workflow, history]: [CompiledWorkflow | null, History] = [null, NO_HISTORY];
  try {
    workflow = await awaitDatabase(() => workflows.get(workflowId, version), signal);
    // A run that is cancelled looks at nothing.
    if (execution.hasHistory && !execution.cancelRequested) {
      history = await loadHistory(execution, workflow, signal);
    }
  } catch (error) {
    if (!(error instanceof AppError) || isUnavailable(error)) throw error;
    return endUnstarted(engine, execution, moveAfter(error), watch);
  }
  try {
    crashPoint("worker.after_load");
    const { steps, lastSeq } = history;
    return await runExecution(engine, {
      execution,
      workflow,
      history: steps,
      lastSeq,
      signal,
      observer: watch,
    });
  } finally {
    history.release();
  }
}

/** Ends a claim whose run could not begin; null: it is not ours any more. */
async function endUnstarted(
  { store }: EngineDependencies,
  { id, fence, parentId }: ClaimedExecution,
  move: ExecutionMove | null,
  watch: ExecutionWatch,
): Promise<RunEnd> {
  if (!move) return "lost";
  await store.write({ executionId: id, fence, steps: [], parentId, move });
  watch.moved(move);
  return move.to;
}
