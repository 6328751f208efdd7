// A node whose work is an execution of its own: made with the node's step, awaited in the journal, its end read back.
import { v7 as uuidv7 } from "uuid";
import { AppError } from "#core/domain/app-error.ts";
import { type ExecutionError, MAX_DEPTH } from "#core/domain/execution.ts";
import { childRootId } from "#core/domain/idempotency-key.ts";
import type { ChildEnd, StepRecord } from "#core/domain/journal.ts";
import type { NodeOutcome } from "#core/domain/node.ts";
import type { NodePlan } from "./compile-workflow.ts";
import type { RunContext } from "./run-context.ts";
import { waitLimit } from "./suspend-node.ts";

type Pending = Omit<StepRecord, "seq">;
type ChildOutcome = Extract<NodeOutcome, { kind: "child" }>;

/**
 * The record of a step that waits for a child, which is made in the same commit: never one without the other.
 * `input` is what may be stored of the outcome's. Throws `too_deep`, `not_found` and `forbidden`.
 */
export async function recordChild(
  context: RunContext,
  plan: NodePlan,
  pending: Pending,
  { workflowId, version, input }: ChildOutcome,
): Promise<Pending> {
  const { execution, journal } = context;
  if (execution.depth >= MAX_DEPTH) {
    throw new AppError("too_deep", `Sub-workflows may be nested ${MAX_DEPTH} deep, this is one more`);
  }
  const found = await context.children.findVersion(execution, { workflowId, version });
  const { userId, workspaceId, priority, band } = execution;
  const id = uuidv7();
  const rootId = childRootId(pending.idempotencyKey ?? id);
  const waiting: Pending = {
    ...pending,
    status: "waiting",
    state: { childId: id },
    wakeAt: waitLimit(plan, pending),
    child: {
      id,
      workflowId,
      version: found,
      input,
      rootId,
      execution: { userId, workspaceId, priority, band },
    },
  };
  journal.note(waiting);
  const { child: _, ...record } = waiting;
  return record;
}

/**
 * The child's output. Throws `child_failed` when it failed or was cancelled. It is not tried again when it was cancelled, or
 * when that would send what must not be repeated a second time: a new child starts from nothing.
 */
export function outputOfChild(childId: string, end: ChildEnd): unknown {
  if (end.status === "succeeded") return end.output;
  const error: ExecutionError = end.error ?? { code: end.status, message: `It has ${end.status}` };
  const verb = end.status === "cancelled" ? "was cancelled" : "failed";
  throw new AppError("child_failed", `The sub-workflow ${verb}: ${error.message}`, {
    details: { childId, status: end.status, error },
    retryable: end.status === "failed" && !end.hasSentOnce,
    ...(end.hasSentOnce && { inDoubt: true }),
  });
}
