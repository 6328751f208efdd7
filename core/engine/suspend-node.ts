// A node's wait: short ones are slept, all others are a waiting step in the journal that outlives the worker.
import { AppError } from "#core/domain/app-error.ts";
import { MAX_WAIT_MS } from "#core/domain/execution.ts";
import type { StepRecord, StepState } from "#core/domain/journal.ts";
import type { NodeOutcome, Resumed } from "#core/domain/node.ts";
import type { NodePlan } from "./compile-workflow.ts";
import type { RunContext } from "./run-context.ts";
import { isExpired, settleApproval } from "./settle-approval.ts";
import { sleepUnlessAborted } from "./sleep.ts";

/** A wait for nobody that is shorter is slept where it is: writing it down and claiming again costs more. */
const SHORT_MS = 1_000;

type Pending = Omit<StepRecord, "seq">;
type SuspendOutcome = Extract<NodeOutcome, { kind: "suspend" }>;

/** What the runner is told about the wait that has ended; null for an attempt that has not waited. */
export function resumedFrom({ journal }: RunContext, { startedAt, state }: Pending): Resumed | null {
  if (!state) return null;
  const until = state.until ?? null;
  return {
    startedAt,
    until,
    isDue: until !== null && Date.parse(until) <= Date.parse(journal.now()),
    waitsFor: state.waitsFor ?? null,
    answer: state.answer,
  };
}

/**
 * Takes down what a `suspend` waits for: the record as it is from now on. A short wait for nobody is not written: a
 * worker that dies over it begins it again. Throws `wait_too_long` beyond a year.
 */
export function recordWait(
  { journal }: RunContext,
  plan: NodePlan,
  pending: Pending,
  outcome: SuspendOutcome,
): Pending {
  const until = untilOf(pending, outcome);
  if (until !== null && Date.parse(until) - Date.parse(pending.startedAt) > MAX_WAIT_MS) {
    throw new AppError("wait_too_long", `The node asks to wait until ${until}, a year is the longest wait`);
  }
  const { waitsFor } = outcome;
  const state: StepState = { ...(until === null ? {} : { until }), ...(waitsFor ? { waitsFor } : {}) };
  const due = dueOf(plan, pending, until);
  const record = { ...pending, state, wakeAt: due === null ? null : new Date(due).toISOString() };
  if (!waitsFor && due !== null && due - Date.parse(journal.now()) < SHORT_MS) return record;
  const waiting: Pending = { ...record, status: "waiting" };
  journal.note(waiting);
  return waiting;
}

/**
 * Waits for what the attempt waits for, as long as anything else of the run moves; null: nothing does any more. Else the
 * record, with the answer where people were asked.
 */
export async function awaitWake(context: RunContext, record: Pending): Promise<Pending | null> {
  if (record.state?.answer !== undefined) return record;
  const due = record.wakeAt ? Date.parse(record.wakeAt) : null;
  if (due !== null && due - Date.parse(context.journal.now()) < SHORT_MS) await sleepUntil(context, due);
  else if ((await context.standstill.rest(due)) === "standstill") return null;
  return settleApproval(context, record);
}

/**
 * After a wait. Throws `timeout` when the node's own limit ended it. A child that was given up may still be sending: another
 * one, which starts from nothing, is not made by itself.
 */
export function throwIfTimedOut(plan: NodePlan, record: Pending): void {
  const { state, wakeAt } = record;
  if (state?.answer !== undefined && !isExpired(record)) return;
  if (state?.until !== undefined && wakeAt && Date.parse(state.until) <= Date.parse(wakeAt)) return;
  throw new AppError("timeout", `The node waited longer than ${plan.node.data?.timeoutMs} ms`, {
    ...(state?.childId === undefined ? { retryable: true } : { retryable: false, inDoubt: true }),
  });
}

async function sleepUntil(context: RunContext, due: number): Promise<void> {
  for (;;) {
    const left = due - Date.parse(context.journal.now());
    // Timers may be a millisecond early.
    if (left <= 0) break;
    await sleepUnlessAborted(left, context.signal);
  }
}

export function untilOf({ startedAt }: Pending, { until }: Pick<SuspendOutcome, "until">): string | null {
  if (until === undefined) return null;
  return typeof until === "string" ? until : new Date(Date.parse(startedAt) + until).toISOString();
}

/** When a wait until a time of its own (ISO; null: it has none) ends, with the limit the node was given; null: never. */
export function waitLimit(plan: NodePlan, pending: Pending, until: string | null = null): string | null {
  const due = dueOf(plan, pending, until);
  return due === null ? null : new Date(due).toISOString();
}

/** Milliseconds since the epoch; a limit the node was given bounds its wait, the default one does not. */
function dueOf(plan: NodePlan, { startedAt }: Pending, until: string | null): number | null {
  const limit = plan.node.data?.timeoutMs;
  const ends = limit === undefined ? null : Date.parse(startedAt) + limit;
  if (until === null || ends === null) return until === null ? ends : Date.parse(until);
  return Math.min(Date.parse(until), ends);
}
