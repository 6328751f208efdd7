// Pinned nodes: in a test run their output is the pinned value, and they are not run.
import { outputsOf } from "#core/domain/node-ports.ts";
import type { NodePlan } from "./compile-workflow.ts";
import type { RunContext, RunScope } from "./run-context.ts";

/** What the journal shows as the input of a node that was not run. */
const PINNED_INPUT = { $pinned: true };

/** Only for runs that a person started, and not for a node that was begun already, under another version perhaps. */
export function isPinned({ execution, journal }: RunContext, scope: RunScope, plan: NodePlan): boolean {
  return (
    plan.node.data?.pinned !== undefined &&
    execution.triggerType === "manual" &&
    outputsOf(plan.definition, plan.node).length <= 1 &&
    journal.attempts(plan.node.id, scope.iteration).length === 0
  );
}

/** Notes the pinned value as the output. Rejects with the reason of an abort. */
export async function endPinned(context: RunContext, scope: RunScope, plan: NodePlan) {
  const { journal, redactor, signal } = context;
  if (journal.isFull()) await journal.flush();
  signal.throwIfAborted();
  const output = redactor.redact(plan.node.data?.pinned);
  const now = journal.now();
  journal.note({
    nodeId: plan.node.id,
    nodeType: plan.node.type,
    iteration: scope.iteration,
    attempt: 1,
    status: "succeeded",
    // Nothing is sent: whatever the node does, this is as good as computed.
    effect: "pure",
    idempotencyKey: null,
    port: null,
    input: PINNED_INPUT,
    output,
    error: null,
    startedAt: now,
    finishedAt: now,
  });
  return { kind: "ended" as const, output, port: undefined };
}
