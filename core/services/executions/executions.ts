// Executions as their people use them: read, list, wait, cancel, retry, fork, decide.
import { v7 as uuidv7 } from "uuid";
import { AppError } from "../../domain/app-error.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import type { ExecutionError, ExecutionStatus } from "../../domain/execution.ts";
import type { Graph } from "../../domain/graph.ts";
import { hasApprovals, planRetry, type RetryPlan } from "../../domain/plan-fork.ts";
import { type Actor, authorize, notFound, workspacesFor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import type { StepDecision } from "../../persistence/executions/decide-step.ts";
import type { ExecutionSignals } from "../../persistence/executions/execution-signals.ts";
import {
  cancelExecution,
  type Execution,
  type ExecutionFilter,
  type ExecutionSummary,
  findExecutionState,
  findExecutionSummary,
  findStatuses,
  listExecutions,
} from "../../persistence/executions/executions.ts";
import { insertRetry, isFirstRetry } from "../../persistence/executions/retry-execution.ts";
import { findVersion } from "../../persistence/workflows/workflow-versions.ts";
import { findWorkflow } from "../../persistence/workflows/workflows.ts";
import { toRing } from "../../queue/bells.ts";
import type { ExecutionQueue } from "../../queue/execution-queue.ts";
import { principalsOf } from "../principals-of.ts";
import { decideOnStep } from "./decide-step.ts";
import { type ForkOptions, forkExecution } from "./fork-execution.ts";
import type { BacklogGuard } from "./guard-backlogs.ts";
import {
  type ReadDependencies,
  readEnd,
  readExecution,
  readState,
  readSteps,
  type StepPage,
} from "./read-execution.ts";
import { refuseExpired } from "./refuse-expired.ts";

export type ExecutionDependencies = ReadDependencies & {
  queue: ExecutionQueue;
  signals: ExecutionSignals;
  backlogs: BacklogGuard;
  onRingFailed: (error: unknown) => void;
};

/** Looked for again without a signal, should one be lost. */
const LOOK_MS = 1_000;
/** A reason of its own: an abort without one makes an error with a stack, 3 % of what an awaited run cost the api. */
const ANSWERED = "answered";

/** Without a workspace: all in which the actor may read executions. */
export type ExecutionPage = Omit<ExecutionFilter, "workspaceIds"> & { workspaceId?: string | undefined };

export type EndListener = {
  /** As that of the service. */
  waitForEnd(actor: Actor, timeoutMs: number): Promise<Execution | null>;
  /** Stops listening. */
  [Symbol.dispose](): void;
};

export type ExecutionService = ReturnType<typeof createExecutionService>;

/**
 * Every call throws `not_found` for what the actor cannot see and `forbidden` where the role is too small. What is handed
 * out with inputs, outputs or errors is in the audit log before, where it has to be; when it cannot be, the call rejects.
 */
export function createExecutionService(dependencies: ExecutionDependencies) {
  return {
    get: (actor: Actor, id: string): Promise<Execution> => readExecution(dependencies, actor, id),
    list: (actor: Actor, page: ExecutionPage): Promise<ExecutionSummary[]> => list(dependencies, actor, page),
    /** Where those that the actor can see stand, by id. */
    statuses: (actor: Actor, ids: readonly string[]): Promise<Map<string, ExecutionStatus>> =>
      statuses(dependencies, actor, ids),
    /** At most `limit` and about 4 MB, at least one; `more` says whether others follow. */
    steps: (
      actor: Actor,
      id: string,
      page: { afterSeq: number; limit: number; how?: "events" },
    ): Promise<StepPage> => readSteps(dependencies, actor, id, { how: "steps", ...page }),
    /** For those who follow it live. */
    state: (actor: Actor, id: string): Promise<{ status: ExecutionStatus; error: ExecutionError | null }> =>
      readState(dependencies, actor, id),
    cancel: (actor: Actor, id: string): Promise<{ status: string }> => cancel(dependencies, actor, id),
    retry: (actor: Actor, id: string): Promise<{ id: string; retryOf: string }> =>
      retry(dependencies, actor, id),
    fork: (actor: Actor, id: string, options: ForkOptions): Promise<{ id: string; forkOf: string }> =>
      forkExecution(dependencies, actor, id, options),
    decide: (actor: Actor, id: string, decision: StepDecision): Promise<{ status: "queued" | "running" }> =>
      decideOnStep(dependencies, actor, id, decision),
    /**
     * The execution when it ended within `timeoutMs`, else null; null also when the database goes away meanwhile,
     * because the execution itself is accepted. Only for one submitted as watched.
     */
    waitForEnd: (actor: Actor, id: string, timeoutMs: number): Promise<Execution | null> =>
      waitForEnd(dependencies, actor, id, timeoutMs),
    /** To be called before the execution is submitted under this id; its end is then heard without a look before it. */
    listenForEnd: (id: string): EndListener => listenForEnd(dependencies, id),
  };
}

function list(
  { database }: ExecutionDependencies,
  actor: Actor,
  { workspaceId, ...filter }: ExecutionPage,
): Promise<ExecutionSummary[]> {
  if (workspaceId !== undefined) authorize(actor, "execution:read", { workspaceId });
  const workspaceIds = workspaceId === undefined ? workspacesFor(actor, "execution:read") : [workspaceId];
  return database.transaction(principalsOf(actor), (tx) => listExecutions(tx, { ...filter, workspaceIds }));
}

async function statuses(
  { database }: ExecutionDependencies,
  actor: Actor,
  ids: readonly string[],
): Promise<Map<string, ExecutionStatus>> {
  const readable = new Set(workspacesFor(actor, "execution:read"));
  const rows = await database.transaction(principalsOf(actor), (tx) => findStatuses(tx, ids));
  return new Map(rows.filter((row) => readable.has(row.workspaceId)).map(({ id, status }) => [id, status]));
}

async function cancel(
  { database }: ExecutionDependencies,
  actor: Actor,
  id: string,
): Promise<{ status: string }> {
  const cancelled = await database.transaction(principalsOf(actor), async (tx) => {
    const execution = await findExecutionSummary(tx, id);
    if (!execution) throw notFound("execution");
    authorize(actor, "execution:run", execution);
    const status = await cancelExecution(tx, id, actor.userId);
    if (!status) throw new AppError("execution_finished", "The execution has ended already");
    const target = { chainId: execution.workspaceId, targetType: "execution", targetId: id };
    await appendAudit(tx, [{ ...target, actorId: actor.userId, action: "execution.cancel_requested" }]);
    return { status };
  });
  crashPoint("api.after_cancel_commit");
  return cancelled;
}

async function retry(
  { database, queue, backlogs, onRingFailed }: ExecutionDependencies,
  actor: Actor,
  id: string,
): Promise<{ id: string; retryOf: string }> {
  const made = await database.transaction(principalsOf(actor), async (tx) => {
    const execution = await findExecutionSummary(tx, id);
    if (!execution) throw notFound("execution");
    authorize(actor, "execution:run", execution);
    // An archived workflow runs no more, by whatever way.
    if (!(await findWorkflow(tx, execution.workflowId))) throw notFound("workflow");
    refuseExpired((await findExecutionState(tx, id))?.payloadExpiredAt ?? null);
    await backlogs.requireRoom(tx, execution.workspaceId);
    const version = await findVersion(tx, execution.workflowId, execution.version);
    const nodes = version ? await planCopies(tx, id, version.graph) : { finished: null, handled: [] };
    const made = await insertRetry(tx, { id: uuidv7(), of: id, userId: actor.userId, nodes });
    if (!made) throw new AppError("conflict", "Only a failed or cancelled execution can be retried");
    const target = { chainId: made.workspaceId, targetType: "execution", targetId: made.id };
    const details = { retryOf: id };
    await appendAudit(tx, [{ ...target, actorId: actor.userId, action: "execution.retried", details }]);
    return made;
  });
  crashPoint("api.after_retry_commit");
  queue.ring([toRing(made)]).catch(onRingFailed);
  backlogs.note([{ workspaceId: made.workspaceId, made: true }]);
  return { id: made.id, retryOf: id };
}

/** Only where people have approved something it matters whether it is the first retry. */
async function planCopies(tx: Executor, id: string, graph: Graph): Promise<RetryPlan> {
  return planRetry(graph, !hasApprovals(graph) || (await isFirstRetry(tx, id)));
}

function listenForEnd(dependencies: ExecutionDependencies, id: string): EndListener {
  const stopped = new AbortController();
  const change = dependencies.signals.wait(id, { timeoutMs: LOOK_MS, signal: stopped.signal });
  return {
    async waitForEnd(actor, timeoutMs) {
      const until = Date.now() + timeoutMs;
      await change;
      return waitForEnd(dependencies, actor, id, until - Date.now());
    },
    [Symbol.dispose]: () => stopped.abort(ANSWERED),
  };
}

async function waitForEnd(
  dependencies: ExecutionDependencies,
  actor: Actor,
  id: string,
  timeoutMs: number,
): Promise<Execution | null> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const left = deadline - Date.now();
    const answered = new AbortController();
    // Registered before the look, so that an end between the two is not missed.
    const change = dependencies.signals.wait(id, {
      timeoutMs: Math.min(Math.max(left, 0), LOOK_MS),
      signal: answered.signal,
    });
    try {
      const ended = await readEnd(dependencies, actor, id);
      if (ended) return ended;
      if (left <= 0) return null;
      await change;
    } catch (error) {
      if (error instanceof AppError && error.code === "database_unavailable") return null;
      throw error;
    } finally {
      answered.abort(ANSWERED);
    }
  }
}
