// One attempt of a node from its record to its end, over as many suspensions as it takes.
import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import { leavesDoubt } from "#core/domain/effect-doubt.ts";
import type { ChildEnd, StepError, StepRecord } from "#core/domain/journal.ts";
import type { NodeOutcome } from "#core/domain/node.ts";
import { outputOfApproval, recordApproval } from "./ask-approval.ts";
import { checkOutput, toShown } from "./check-output.ts";
import type { NodePlan } from "./compile-workflow.ts";
import { toStepError } from "./node-failure.ts";
import { type AttemptStart, isLost, type NodeEnd, noteBrokenOff } from "./node-state.ts";
import { resolveNodeConfig, runAttempt } from "./run-attempt.ts";
import { outputOfChild, recordChild } from "./run-child.ts";
import type { RunContext, RunScope } from "./run-context.ts";
import { awaitWake, recordWait, resumedFrom, throwIfTimedOut } from "./suspend-node.ts";

/** Codes of the engine's own reasons to stop; none is ever stored. */
export const PARKED = "parked";
export const BRANCH_FAILED = "branch_failed";
export const SUSPENDED = "suspended";

export type EachOutcome = Extract<NodeOutcome, { kind: "each" }>;

/** Carries out an `each` outcome; resolves to the ordered results of the body. */
export type RunLoop = (plan: NodePlan, scope: RunScope, each: EachOutcome) => Promise<unknown[]>;

/** A failed attempt's record is not noted yet: when it is tried again is not this file's to say. */
export type AttemptEnd =
  | Exclude<NodeEnd, { kind: "failed" }>
  | { kind: "failed"; error: StepError; record: Omit<StepRecord, "seq"> };

/** Rejects only with the reason of an abort. */
export async function attemptNode(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  start: AttemptStart,
  runLoop: RunLoop,
): Promise<AttemptEnd> {
  const { journal } = context;
  let pending = openRecord(context, scope, plan, start);
  let progress: Progress = "fresh";
  try {
    context.signal.throwIfAborted();
    if (journal.isFull()) await journal.flush();
    if (start.suspended) {
      pending = (await awaitWake(context, pending)) ?? endSuspended();
      throwIfTimedOut(plan, pending);
    }
    const answered = endAnswered(context, plan, pending);
    if (answered) return answered;
    const config = await resolveNodeConfig(context, scope, plan);
    // What a node waits for is kept as it was written when it began.
    if (!start.suspended) pending.input = toShown(context.redactor.redact(config));
    progress = "announced";
    await openEffect(context, plan, pending);
    for (;;) {
      context.signal.throwIfAborted();
      const attempt = { ...start, config, resumed: resumedFrom(context, pending) };
      progress = "in_effect";
      const outcome = await runAttempt(context, scope, plan, attempt);
      progress = "announced";
      if (plan.effect !== "pure") crashPoint("worker.after_effect");
      if (outcome.kind === "each" || outcome.kind === "output") {
        const output =
          outcome.kind === "each" ? await loop(context, scope, plan, outcome, runLoop) : outcome.output;
        return endSucceeded(context, plan, pending, {
          output: storedOutput(context, output),
          port: outcome.kind === "each" ? "done" : outcome.port,
        });
      }
      pending = await suspend(context, plan, pending, outcome);
      pending = (await awaitWake(context, pending)) ?? endSuspended();
      throwIfTimedOut(plan, pending);
      const answered = endAnswered(context, plan, pending);
      if (answered) return answered;
    }
  } catch (error) {
    return endUnwell(context, plan, pending, { error, progress });
  }
}

/** How far an attempt has come: nothing of it is written down, it was announced, its effect may be taking place. */
type Progress = "announced" | "fresh" | "in_effect";

/** The end of an attempt that threw. Throws the reason of the abort where there was one. */
function endUnwell(
  context: RunContext,
  plan: NodePlan,
  pending: Omit<StepRecord, "seq">,
  { error, progress }: { error: unknown; progress: Progress },
): AttemptEnd {
  const { journal, redactor, signal } = context;
  const failure = toShown(toStepError(error, plan.node.id, redactor.redact)) as StepError;
  const input = redactor.redact(pending.input);
  if (pending.effect === "effectful" && progress === "in_effect" && leavesDoubt(error)) {
    if (isLost(signal)) throw signal.reason;
    journal.note({ ...pending, input, status: "unknown", error: failure });
    signal.throwIfAborted();
    return { kind: "parked" };
  }
  if (signal.aborted) {
    const isAnnounced = pending.effect !== "pure" && progress !== "fresh";
    if (isAnnounced || pending.status === "waiting") noteBrokenOff(context, plan, pending, failure);
    throw signal.reason;
  }
  if (error instanceof AppError && error.code === PARKED) return { kind: "parked" };
  if (error instanceof AppError && error.code === SUSPENDED) return { kind: "suspended" };
  const record = { ...pending, input, error: failure, finishedAt: journal.now() };
  return { kind: "failed", error: failure, record: { ...record, status: "failed" } };
}

/**
 * The end of a node whose answer is its output; null: its runner is called again. Nothing of its config is evaluated a
 * second time: what fails in that must not undo what people have said.
 */
function endAnswered(
  context: RunContext,
  plan: NodePlan,
  pending: Omit<StepRecord, "seq">,
): AttemptEnd | null {
  const { state } = pending;
  if (state?.answer === undefined) return null;
  if (state.childId) {
    const output = outputOfChild(state.childId, state.answer as ChildEnd);
    return endSucceeded(context, plan, pending, { output: storedOutput(context, output), port: undefined });
  }
  if (!state.approvalId) return null;
  const { output, port } = outputOfApproval(state);
  return endSucceeded(context, plan, pending, { output: storedOutput(context, output), port });
}

/** The record of a node that cannot go on yet, as it is noted. */
function suspend(
  context: RunContext,
  plan: NodePlan,
  pending: Omit<StepRecord, "seq">,
  outcome: Exclude<NodeOutcome, { kind: "each" | "output" }>,
): Promise<Omit<StepRecord, "seq">> | Omit<StepRecord, "seq"> {
  if (outcome.kind === "suspend") return recordWait(context, plan, pending, outcome);
  if (outcome.kind === "child") {
    const input = storedOutput(context, outcome.input);
    return recordChild(context, plan, pending, { ...outcome, input });
  }
  const { message, approvers } = outcome;
  const stored = storedOutput(context, { message, approvers }) as typeof outcome;
  return recordApproval(context, plan, pending, { ...outcome, ...stored });
}

/** Nothing moves any more: the step waits in the journal. */
function endSuspended(): never {
  throw new AppError(SUSPENDED, "It waits in the journal");
}

/** Before an effect starts, all before it and its own record are committed. */
async function openEffect(
  { journal }: RunContext,
  plan: NodePlan,
  pending: Omit<StepRecord, "seq">,
): Promise<void> {
  // One that goes on after a wait is sent again with its wait, and so again after a crash, unless it must not be.
  if (plan.effect === "pure" || (pending.status === "waiting" && plan.effect === "idempotent")) return;
  crashPoint("worker.before_step_start");
  journal.note({ ...pending, status: "running" });
  await journal.flush();
  crashPoint("worker.after_step_start");
}

function endSucceeded(
  { journal, redactor }: RunContext,
  plan: NodePlan,
  pending: Omit<StepRecord, "seq">,
  { output, port }: { output: unknown; port: string | undefined },
): AttemptEnd {
  // Once more: what was opened meanwhile may stand in the node's own config.
  const record = { ...pending, input: redactor.redact(pending.input), output, port: port ?? null };
  journal.note({ ...record, status: "succeeded", finishedAt: journal.now() });
  // An effect's answer is worth a commit of its own; nothing waits for it but the next effect.
  if (plan.effect !== "pure") journal.flush().catch(() => {});
  return { kind: "ended", output, port };
}

/** While its body runs the loop itself does not move. */
async function loop(
  { standstill }: RunContext,
  scope: RunScope,
  plan: NodePlan,
  each: EachOutcome,
  runLoop: RunLoop,
): Promise<unknown[]> {
  standstill.end();
  try {
    return await runLoop(plan, scope, each);
  } finally {
    standstill.begin();
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
  start: AttemptStart,
): Omit<StepRecord, "seq"> {
  if (start.suspended) return start.suspended;
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
