// The life of one claim: start at the trigger, walk the graph, hand the result to the journal.
import { AppError } from "#core/domain/app-error.ts";
import { type CompiledGraph, reachableFrom } from "#core/domain/compile-graph.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import type { ClaimedExecution, ExecutionMove, StepError, StepRecord } from "#core/domain/journal.ts";
import type { NodePorts } from "#core/domain/node.ts";
import { createRedactor } from "#core/domain/redact.ts";
import type { RunObserver } from "#core/domain/run-observer.ts";
import type { Evaluator } from "#core/expression/evaluator.ts";
import type { ApprovalSource } from "./approval-source.ts";
import { BRANCH_FAILED, PARKED, SUSPENDED } from "./attempt-node.ts";
import { checkOutput } from "./check-output.ts";
import type { ChildSource } from "./child-source.ts";
import type { CompiledWorkflow } from "./compile-workflow.ts";
import type { CredentialSource } from "./credential-source.ts";
import { createJournal } from "./journal.ts";
import { runScope } from "./run-scope.ts";
import type { RunStore } from "./run-store.ts";
import { createStandstill } from "./standstill.ts";

export type EngineDependencies = {
  store: RunStore;
  evaluator: Evaluator;
  ports: NodePorts;
  credentials: CredentialSource;
  children: ChildSource;
  approvals: ApprovalSource;
};

export type RunRequest = {
  execution: ClaimedExecution;
  workflow: CompiledWorkflow;
  /** Steps written by earlier claims. */
  history: readonly StepRecord[];
  /** The highest `seq` of the journal, where `history` leaves steps out. */
  lastSeq?: number | undefined;
  /** Abort with an AppError: `cancelled`, `lease_lost` (write nothing more) or `shutdown` (hand it back). */
  signal: AbortSignal;
  observer?: RunObserver | undefined;
};

/** What became of the claim. `lost`: somebody else has it, nothing was written. */
export type RunEnd = ExecutionMove["to"] | "lost";

/** Runs a claimed execution as far as it goes. Rejects only when the end itself could not be written. */
export async function runExecution(dependencies: EngineDependencies, request: RunRequest): Promise<RunEnd> {
  const { execution, workflow } = request;
  const controller = new AbortController();
  const abort = (reason: Error) => controller.abort(reason);
  const signal = AbortSignal.any([request.signal, controller.signal]);
  const journal = createJournal({
    store: dependencies.store,
    execution,
    history: request.history,
    lastSeq: request.lastSeq,
    signal: request.signal,
    onLost: abort,
  });
  const redactor = createRedactor();
  const standstill = createStandstill(() => Date.parse(journal.now()), signal);

  const deadline = startDeadline(request, abort);
  const move = await walkGraph()
    .catch((reason: unknown) => (isStandstill(reason) ? park() : moveAfter(reason)))
    .finally(() => clearTimeout(deadline));
  if (move === null) return "lost";
  crashPoint("worker.before_finish");
  try {
    const written = await journal.close(move).then(
      () => move,
      (error: unknown) => failWithoutJournal(dependencies.store, execution, error),
    );
    request.observer?.moved(written);
    return written.to;
  } catch (error) {
    if (error instanceof AppError && error.code === "lease_lost") return "lost";
    throw error;
  }

  /** Waits for the earliest of its waits, and no longer than the run may take. */
  function park(): ExecutionMove {
    const ends = Date.parse(execution.claimedAt) + timeLeft(request);
    const wakesAt = Math.min(standstill.earliest() ?? Number.POSITIVE_INFINITY, ends);
    const availableAt = wakesAt === Number.POSITIVE_INFINITY ? null : new Date(wakesAt).toISOString();
    return { to: "waiting", availableAt, wake: execution.wake };
  }

  async function walkGraph(): Promise<ExecutionMove> {
    if (execution.cancelRequested) throw new AppError("cancelled", "Cancelled before it began");
    // It may have waited for longer than it may take.
    if (timeLeft(request) <= 0) throw runTimeout(request);
    const start = findStart(workflow, execution);
    const output = await runScope(
      {
        execution,
        workflow,
        journal,
        evaluator: dependencies.evaluator,
        ports: dependencies.ports,
        credentials: dependencies.credentials,
        children: dependencies.children,
        approvals: dependencies.approvals,
        redactor,
        observer: request.observer,
        standstill,
        signal,
        abort,
      },
      { iteration: "", parent: null, members: topMembers(workflow.graph, start), entry: () => false },
    );
    // Branches that ended before the secret was opened may have put it out as well.
    return { to: "succeeded", output: checkOutput(redactor.redact(output)) };
  }
}

/** Nothing moves any more, yet nothing has failed. */
function isStandstill(reason: unknown): boolean {
  return reason instanceof AppError && [PARKED, SUSPENDED].includes(reason.code);
}

/** Milliseconds of the run's own time limit that are left at the claim: it counts from the first one. */
function timeLeft({ execution, workflow }: RunRequest): number {
  const spent = Date.parse(execution.claimedAt) - Date.parse(execution.startedAt);
  return (workflow.settings.timeoutMs ?? Number.POSITIVE_INFINITY) - spent;
}

function runTimeout({ workflow }: RunRequest): AppError {
  return new AppError("timeout", `The execution took longer than ${workflow.settings.timeoutMs} ms`);
}

function startDeadline(request: RunRequest, abort: (reason: Error) => void) {
  const left = timeLeft(request);
  if (left === Number.POSITIVE_INFINITY) return undefined;
  // A timer holds 24 days at most; what lasts longer is checked again by the next claim.
  return setTimeout(() => abort(runTimeout(request)), Math.min(Math.max(left, 0), 2 ** 31 - 1));
}

/** The steps cannot be written, whatever the reason: the execution ends with it instead of being run for ever. */
async function failWithoutJournal(
  store: RunStore,
  execution: ClaimedExecution,
  reason: unknown,
): Promise<ExecutionMove> {
  if (reason instanceof AppError && reason.code === "lease_lost") throw reason;
  const message = `The steps could not be stored: ${reason instanceof Error ? reason.message : String(reason)}`;
  const move = { to: "failed", error: { code: "journal_failed", message } } as const;
  await store.write({ executionId: execution.id, fence: execution.fence, steps: [], move });
  return move;
}

/** What the reason of an abort means for the execution; null: it is not ours any more. */
export function moveAfter(reason: unknown): ExecutionMove | null {
  if (!(reason instanceof AppError)) {
    const message = reason instanceof Error ? reason.message : String(reason);
    return { to: "failed", error: { code: "engine_error", message } };
  }
  switch (reason.code) {
    case "lease_lost":
      return null;
    case "shutdown":
      return { to: "queued" };
    case "cancelled":
      return { to: "cancelled", error: { code: "cancelled", message: reason.message } };
    case BRANCH_FAILED: {
      const { retryable: _retryable, inDoubt: _inDoubt, ...error } = reason.details.error as StepError;
      return { to: "failed", error };
    }
    default:
      return { to: "failed", error: { code: reason.code, message: reason.message } };
  }
}

/** The trigger the start named, else the first trigger.manual, else the only trigger there is. */
export function findStart(workflow: CompiledWorkflow, execution: ClaimedExecution): string {
  const triggers = [...workflow.plans.values()].filter((plan) => plan.definition.inputs.length === 0);
  const start = execution.triggerNode
    ? triggers.find((plan) => plan.node.id === execution.triggerNode)
    : (triggers.find((plan) => plan.node.type === "trigger.manual") ?? triggers[0]);
  if (start) return start.node.id;
  throw new AppError("no_trigger", `The workflow has no trigger ${execution.triggerNode ?? ""}`.trim());
}

/** What takes part outside of loops: only what the trigger reaches. */
export function topMembers(graph: CompiledGraph, start: string): Set<string> {
  return new Set([...reachableFrom(graph, start)].filter((id) => graph.loopOf.get(id) === null));
}
