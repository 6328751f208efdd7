// A node that asks people: the question is made with its step, awaited in the journal, the answer read back.
import { v7 as uuidv7 } from "uuid";
import type { ApprovalAnswer } from "#core/domain/approval.ts";
import type { StepRecord, StepState } from "#core/domain/journal.ts";
import type { NodeOutcome } from "#core/domain/node.ts";
import type { NodePlan } from "./compile-workflow.ts";
import type { RunContext } from "./run-context.ts";
import { untilOf, waitLimit } from "./suspend-node.ts";

type Pending = Omit<StepRecord, "seq">;
type ApprovalOutcome = Extract<NodeOutcome, { kind: "approval" }>;

/**
 * The record of a step that waits for people, who are asked in the same commit: never one without the other. Of
 * `outcome` what may be stored. Nobody can decide after the node's own limit either.
 */
export function recordApproval(
  { journal }: RunContext,
  plan: NodePlan,
  pending: Pending,
  { message, approvers, quorum, deadlineMs, excludeRequester }: ApprovalOutcome,
): Pending {
  const until = deadlineMs === undefined ? null : untilOf(pending, { until: deadlineMs });
  const wakeAt = waitLimit(plan, pending, until);
  const id = uuidv7();
  const record: Pending = {
    ...pending,
    // Whom it names stands in the approval, where an erasure finds it.
    input: withoutApprovers(pending.input),
    status: "waiting",
    state: { ...(until === null ? {} : { until }), approvalId: id, waitsFor: { message } },
    wakeAt,
  };
  const approval = { id, message, approvers, quorum, deadline: wakeAt, excludeRequester };
  journal.note({ ...record, approval });
  return record;
}

function withoutApprovers(input: unknown): unknown {
  const { approvers: _, ...rest } = (input ?? {}) as Record<string, unknown>;
  return rest;
}

/** `{decision, decisions: [{userId, decision, comment, at}], message}`, by the port of the decision. */
export function outputOfApproval({ answer, waitsFor }: StepState): { output: unknown; port: string } {
  const { decision, decisions } = answer as ApprovalAnswer;
  return { output: { decision, decisions, message: waitsFor?.message }, port: decision };
}
