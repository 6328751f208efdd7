// One node of one scope as a small state machine: skip what is done, attempt, back off, attempt again, end.
import { crashPoint } from "#core/domain/crash-points.ts";
import { attemptNode, type RunLoop } from "./attempt-node.ts";
import type { NodePlan } from "./compile-workflow.ts";
import { ended, endFailed, type NodeEnd, type NodeState, nextDelay, stateFromJournal } from "./node-state.ts";
import { observeAttempt } from "./observe-attempt.ts";
import { endPinned, isPinned } from "./pinned-node.ts";
import type { RunContext, RunScope } from "./run-context.ts";
import { sleepUnlessAborted } from "./sleep.ts";

/** A longer back-off lets the worker go; a shorter one is slept. */
const LONG_BACK_OFF_MS = 5_000;

/** Rejects only with the reason of an abort (cancelled, lease lost, shutdown, a sibling failed). */
export async function runNode(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  runLoop: RunLoop,
): Promise<NodeEnd> {
  context.standstill.begin();
  try {
    if (isPinned(context, scope, plan)) return await endPinned(context, scope, plan);
    let state = stateFromJournal(context, scope, plan);
    while (state.kind !== "end") {
      state =
        state.kind === "attempt"
          ? await afterAttempt(context, scope, plan, state, runLoop)
          : await afterBackOff(context, state);
    }
    return state.end;
  } finally {
    context.standstill.end();
  }
}

async function afterAttempt(
  context: RunContext,
  scope: RunScope,
  plan: NodePlan,
  { attempt, failures }: Extract<NodeState, { kind: "attempt" }>,
  runLoop: RunLoop,
): Promise<NodeState> {
  const end = await observeAttempt(context, scope, plan, attempt.number, () =>
    attemptNode(context, scope, plan, attempt, runLoop),
  );
  if (end.kind !== "failed") return ended(end);
  const delay = nextDelay(plan, failures + 1, end.error);
  const due = delay === null ? null : Date.parse(context.journal.now()) + delay;
  const isLong = delay !== null && delay > LONG_BACK_OFF_MS;
  context.journal.note({ ...end.record, wakeAt: isLong && due ? new Date(due).toISOString() : null });
  if (due === null) return ended(endFailed(plan, end.error));
  const next = { ...attempt, number: attempt.number + 1, suspended: null };
  return { kind: "backOff", due, attempt: next, failures: failures + 1 };
}

async function afterBackOff(
  context: RunContext,
  { due, attempt, failures }: Extract<NodeState, { kind: "backOff" }>,
): Promise<NodeState> {
  crashPoint("worker.before_retry");
  const left = due - Date.parse(context.journal.now());
  if (left <= LONG_BACK_OFF_MS) await sleepUnlessAborted(Math.max(left, 0), context.signal);
  else if ((await context.standstill.rest(due)) === "standstill") return ended({ kind: "suspended" });
  return { kind: "attempt", attempt, failures };
}
