// One node of one scope, from journal look-up to outcome: skip what is done, retry what may be, record all.
import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import type { StepError, StepRecord } from "#core/domain/journal.ts";
import { EFFECT_IN_DOUBT, type NodeOutcome } from "#core/domain/node.ts";
import { nextRetryMs } from "#core/domain/retry-policy.ts";
import { checkOutput, toShown } from "./check-output.ts";
import type { NodePlan } from "./compile-workflow.ts";
import { ERROR_PORT } from "./next-nodes.ts";
import { retryAfterOf, toStepError } from "./node-failure.ts";
import { observeAttempt } from "./observe-attempt.ts";
import { endPinned, isPinned } from "./pinned-node.ts";
import { type Attempt, freshKey, resolveNodeConfig, runAttempt } from "./run-attempt.ts";
import type { RunContext, RunScope } from "./run-context.ts";
import { sleepUnlessAborted } from "./sleep.ts";

/** Codes of the engine's own reasons to stop; neither is ever stored. */
export const PARKED = "parked";
export const BRANCH_FAILED = "branch_failed";

/** `failed`: the execution fails with it. `parked`: its effect is in doubt and a person must decide. */
export type NodeEnd =
  | { kind: "ended"; output: unknown; port: string | undefined }
  | { kind: "failed"; error: StepError }
  | { kind: "parked" };

/** Carries out an `each` outcome; resolves to the ordered results of the body. */
export type RunLoop = (
  plan: NodePlan,
  scope: RunScope,
  each: Extract<NodeOutcome, { kind: "each" }>,
) => Promise<unknown[]>;

/** Rejects only with the reason of an abort (cancelled, lease lost, shutdown, a sibling failed). */
export async function runNode(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  runLoop: RunLoop,
): Promise<NodeEnd> {
  if (isPinned(context, scope, plan)) return endPinned(context, scope, plan);
  const past = context.journal.attempts(plan.node.id, scope.iteration);
  const last = past.at(-1);
  if (last?.status === "succeeded")
    return { kind: "ended", output: last.output, port: last.port ?? undefined };

  let failures = past.filter((step) => step.status === "failed" && !isInterruption(step.error)).length;
  if (last?.status === "failed" && last.error) {
    const delay = nextDelay(plan, failures, last.error);
    if (delay === null) return endFailed(plan, last.error);
  }
  if (last?.status === "unknown") return { kind: "parked" };
  if (last?.status === "running") {
    const inDoubt = resolveDoubt(context, plan, last);
    if (inDoubt) return inDoubt;
  }
  // An effect that may have gone out is sent again under the key it went out with.
  const idempotencyKey = last?.idempotencyKey ?? freshKey(context, scope, plan);
  for (let number = (last?.attempt ?? 0) + 1; ; number++) {
    const end = await observeAttempt(context, scope, plan, number, () =>
      attemptNode(context, scope, plan, { number, idempotencyKey }, runLoop),
    );
    if (end.kind !== "failed") return end;
    failures++;
    const delay = nextDelay(plan, failures, end.error);
    if (delay === null) return endFailed(plan, end.error);
    crashPoint("worker.before_retry");
    await sleepUnlessAborted(delay, context.signal);
  }
}

/** A worker died in the middle of the effect: park what must not be repeated, close the attempt of the rest. */
function resolveDoubt(context: RunContext, plan: NodePlan, last: StepRecord): NodeEnd | null {
  if (last.effect === "effectful") {
    context.journal.note({ ...last, status: "unknown" });
    return { kind: "parked" };
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

async function attemptNode(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  start: Omit<Attempt, "config">,
  runLoop: RunLoop,
): Promise<NodeEnd> {
  const { journal } = context;
  const pending = openRecord(context, scope, plan, start);
  try {
    if (journal.isFull()) await journal.flush();
    const config = await resolveNodeConfig(context, scope, plan);
    pending.input = toShown(context.redactor.redact(config));
    if (plan.effect !== "pure") {
      crashPoint("worker.before_step_start");
      journal.note(pending);
      await journal.flush();
      crashPoint("worker.after_step_start");
    }
    context.signal.throwIfAborted();
    const outcome = await runAttempt(context, scope, plan, { ...start, config });
    if (plan.effect !== "pure") crashPoint("worker.after_effect");
    const output = storedOutput(
      context,
      outcome.kind === "each" ? await runLoop(plan, scope, outcome) : outcome.output,
    );
    const port = outcome.kind === "each" ? "done" : outcome.port;
    // Once more: what was opened meanwhile may stand in the node's own config.
    pending.input = context.redactor.redact(pending.input);
    journal.note({ ...pending, status: "succeeded", output, port: port ?? null, finishedAt: journal.now() });
    // An effect's answer is worth a commit of its own; nothing waits for it but the next effect.
    if (plan.effect !== "pure") journal.flush().catch(() => {});
    return { kind: "ended", output, port };
  } catch (error) {
    if (context.signal.aborted) {
      if (pending.effect !== "pure") noteBrokenOff(context, plan, pending);
      throw context.signal.reason;
    }
    if (error instanceof AppError && error.code === PARKED) return { kind: "parked" };
    const failure = toShown(toStepError(error, plan.node.id, context.redactor.redact)) as StepError;
    pending.input = context.redactor.redact(pending.input);
    if (failure.code === EFFECT_IN_DOUBT && pending.effect === "effectful") {
      journal.note({ ...pending, status: "unknown", error: failure });
      return { kind: "parked" };
    }
    journal.note({ ...pending, status: "failed", error: failure, finishedAt: journal.now() });
    return { kind: "failed", error: failure };
  }
}

/** What nodes further on read is what is stored: without the secrets this run has opened, on every resume the same. */
function storedOutput({ redactor }: RunContext, output: unknown): unknown {
  const checked = checkOutput(output);
  const redacted = redactor.redact(checked);
  return redacted === checked ? checked : checkOutput(redacted);
}

function openRecord(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  start: Omit<Attempt, "config">,
): Omit<StepRecord, "seq"> {
  return {
    nodeId: plan.node.id,
    nodeType: plan.node.type,
    iteration: scope.iteration,
    attempt: start.number,
    status: "running",
    effect: plan.effect,
    idempotencyKey: plan.effect === "pure" ? null : start.idempotencyKey,
    port: null,
    input: null,
    output: null,
    error: null,
    startedAt: context.journal.now(),
    finishedAt: null,
  };
}

function nextDelay(plan: NodePlan, failures: number, error: StepError): number | null {
  if (!error.retryable) return null;
  return nextRetryMs(plan.retry, failures, Math.random(), retryAfterOf(error));
}

/** What the node's `onError` makes of a failure that is final. */
function endFailed(plan: NodePlan, error: StepError): NodeEnd {
  if (plan.onError === "fail") return { kind: "failed", error };
  const output = { error: { code: error.code, message: error.message } };
  return { kind: "ended", output, port: plan.onError === "error" ? ERROR_PORT : undefined };
}

/** What becomes of the record of an effect in flight when the run is aborted; after a lost lease nothing does. */
function noteBrokenOff(context: RunContext, plan: NodePlan, pending: Omit<StepRecord, "seq">): void {
  const { journal } = context;
  const reason: unknown = context.signal.reason;
  const code = reason instanceof AppError ? reason.code : "";
  if (code === "shutdown") {
    const error = interruption("interrupted", "The worker was stopped during this attempt", plan);
    journal.note({ ...pending, error });
  } else if (code !== "lease_lost") {
    journal.note({ ...pending, status: "cancelled", finishedAt: journal.now() });
  }
}
