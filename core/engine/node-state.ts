// Where a node of a scope stands, worked out from its attempts in the journal: what run-node starts from.
import { AppError } from "#core/domain/app-error.ts";
import type { StepError, StepRecord } from "#core/domain/journal.ts";
import { exitsOf } from "#core/domain/node-ports.ts";
import { nextRetryMs } from "#core/domain/retry-policy.ts";
import type { NodePlan } from "./compile-workflow.ts";
import { ERROR_PORT } from "./next-nodes.ts";
import { retryAfterOf } from "./node-failure.ts";
import { freshKey } from "./run-attempt.ts";
import type { RunContext, RunScope } from "./run-context.ts";

/**
 * `ended`: by this port; undefined: the only one, null: by none. `failed`: the execution fails with it. `parked`: its effect is in doubt and a person must decide. `suspended`: it
 * waits in the journal, and nothing of the run moves any more.
 */
export type NodeEnd =
  | { kind: "ended"; output: unknown; port: string | undefined | null }
  | { kind: "failed"; error: StepError }
  | { kind: "parked" }
  | { kind: "suspended" };

/** An attempt that is to be made, or to be gone on with where `suspended` holds the row it left. */
export type AttemptStart = { number: number; idempotencyKey: string; suspended: StepRecord | null };

/**
 * The states of a node on its way. `backOff`: waits until `due` (milliseconds since the epoch) before the next attempt.
 * `failures` counts the attempts that said something about the node.
 */
export type NodeState =
  | { kind: "attempt"; attempt: AttemptStart; failures: number }
  | { kind: "backOff"; due: number; attempt: AttemptStart; failures: number }
  | { kind: "end"; end: NodeEnd };

/** The state in which an earlier claim left the node. */
export function stateFromJournal(context: RunContext, scope: RunScope, plan: NodePlan): NodeState {
  const past = context.journal.attempts(plan.node.id, scope.iteration);
  const last = past.at(-1);
  // An effect that may have gone out is sent again under the key it went out with.
  const idempotencyKey = last?.idempotencyKey ?? freshKey(context, scope, plan);
  const failures = past.filter((step) => step.status === "failed" && !isInterruption(step.error)).length;
  const next = { number: (last?.attempt ?? 0) + 1, idempotencyKey, suspended: null };
  switch (last?.status) {
    case "succeeded":
      return ended({ kind: "ended", output: last.output, port: last.port ?? undefined });
    case "unknown":
      return ended({ kind: "parked" });
    case "waiting":
      return { kind: "attempt", attempt: { ...next, number: last.attempt, suspended: last }, failures };
    case "failed":
      if (last.error && nextDelay(plan, failures, last.error) === null)
        return ended(endFailed(plan, last.error));
      return last.wakeAt
        ? { kind: "backOff", due: Date.parse(last.wakeAt), attempt: next, failures }
        : { kind: "attempt", attempt: next, failures };
    case "running":
      return resolveDoubt(context, plan, last) ?? { kind: "attempt", attempt: next, failures };
    default:
      return { kind: "attempt", attempt: next, failures };
  }
}

/** By which port a node with these attempts has ended (undefined: its only one, null: none); null: it is still to run. */
export function settledPort(
  plan: NodePlan,
  past: readonly StepRecord[],
): { port: string | undefined | null } | null {
  const last = past.at(-1);
  if (last?.status === "succeeded") return { port: last.port ?? undefined };
  if (last?.status !== "failed" || !last.error) return null;
  const failures = past.filter((step) => step.status === "failed" && !isInterruption(step.error)).length;
  if (nextDelay(plan, failures, last.error) !== null) return null;
  const end = endFailed(plan, last.error);
  return end.kind === "ended" ? { port: end.port } : null;
}

/** Milliseconds until the next attempt, null when there is none. */
export function nextDelay(plan: NodePlan, failures: number, error: StepError): number | null {
  if (!error.retryable) return null;
  return nextRetryMs(plan.retry, failures, Math.random(), retryAfterOf(error));
}

/** What the node's `onError` makes of a failure that is final. */
export function endFailed(plan: NodePlan, error: StepError): NodeEnd {
  if (plan.onError === "fail") return { kind: "failed", error };
  const output = { error: { code: error.code, message: error.message } };
  if (plan.onError === "error") return { kind: "ended", output, port: ERROR_PORT };
  // Nobody has decided which of several ways it goes: none, where a graph of before that was checked says continue.
  return { kind: "ended", output, port: exitsOf(plan.definition, plan.node).length > 1 ? null : undefined };
}

export function ended(end: NodeEnd): NodeState {
  return { kind: "end", end };
}

/** A worker died in the middle of the effect: park what must not be repeated, close the attempt of the rest. */
function resolveDoubt(context: RunContext, plan: NodePlan, last: StepRecord): NodeState | null {
  if (last.effect === "effectful") {
    context.journal.note({ ...last, status: "unknown" });
    return ended({ kind: "parked" });
  }
  // Whoever broke the attempt off on purpose left a note; a worker that died could not.
  const error = last.error ?? interruption("worker_lost", "The worker died during this attempt", plan);
  context.journal.note({ ...last, status: "failed", error, finishedAt: context.journal.now() });
  return null;
}

function interruption(code: string, message: string, plan: NodePlan): StepError {
  return { code, message, nodeId: plan.node.id, retryable: true };
}

/** Attempts that say nothing about the node: they do not count as its failures. */
function isInterruption(error: StepError | null): boolean {
  return error !== null && ["worker_lost", "interrupted", "retried"].includes(error.code);
}

/** Another worker has the run: nothing is written down any more. */
export function isLost({ reason }: AbortSignal): boolean {
  return reason instanceof AppError && reason.code === "lease_lost";
}

/**
 * What becomes of the record of an attempt when the run is aborted and no effect is in doubt; `failure` is what it threw.
 * After a lost lease nothing does.
 */
export function noteBrokenOff(
  { journal, signal }: RunContext,
  plan: NodePlan,
  pending: Omit<StepRecord, "seq">,
  failure: StepError,
): void {
  const reason: unknown = signal.reason;
  const code = reason instanceof AppError ? reason.code : "";
  if (isLost(signal)) return;
  const isOnce = pending.effect === "effectful";
  const finishedAt = journal.now();
  if (code !== "shutdown") {
    // Of one that must not be repeated the error says that it is known what became of it: copySteps asks for it.
    const error = isOnce ? { ...failure, inDoubt: false } : pending.error;
    journal.note({ ...pending, error, status: "cancelled", finishedAt });
  } else if (pending.status === "running") {
    const error = interruption("interrupted", "The worker was stopped during this attempt", plan);
    // Left running, one that must not be repeated would be taken for one in doubt. Its own failure is an answer.
    const known = { ...(failure.code === code ? error : failure), inDoubt: false };
    if (isOnce) journal.note({ ...pending, error: known, status: "failed", finishedAt });
    else journal.note({ ...pending, error });
  } else if (isOnce) {
    // It was announced when its wait was over.
    journal.note(pending);
  }
}
