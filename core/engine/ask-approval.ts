// A node that asks people: the question is made with its step, awaited in the journal, the answer read back.
import { v7 as uuidv7 } from "uuid";
import type { StepRecord } from "#core/domain/journal.ts";
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
    status: "waiting",
    state: { ...(until === null ? {} : { until }), approvalId: id },
    wakeAt,
  };
  const approval = { id, message, approvers, quorum, deadline: wakeAt, excludeRequester };
  journal.note({ ...record, approval });
  return record;
}
