// What people are asked and what they say: the words of approvals, shared by node, engine, service and rows.
import type { WorkspaceRole } from "./roles.ts";

/** The node type that asks; a fork does not take its answers over to other data. */
export const APPROVAL_NODE = "flow.approval";

export const APPROVAL_STATUSES = ["pending", "approved", "rejected", "expired", "cancelled"] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

/** Roles that an approval may name; an auditor sees no executions and so signs none. */
export const APPROVER_ROLES = ["owner", "editor", "operator", "viewer"] as const satisfies WorkspaceRole[];
export const MAX_APPROVERS = 50;
export const MAX_QUORUM = 50;
/** Characters. */
export const MAX_MESSAGE = 2_000;
export const MAX_COMMENT = 2_000;

/** `approvers`: e-mail addresses in lower case and `role:…`; none: whoever may run executions. */
export type ApprovalRequest = {
  message: string;
  approvers: readonly string[];
  quorum: number;
  /** From the beginning of the attempt; without it people have for ever. */
  deadlineMs?: number;
  /** Neither the person in whose name the execution runs nor who had it started may decide. */
  excludeRequester: boolean;
};

/** What one person said. No address: a person who is erased leaves an id that says nothing. */
export type Decision = {
  userId: string;
  decision: "approve" | "reject";
  comment: string | null;
  /** ISO time on the database's clock. */
  at: string;
};

/** How an approval ended, as its step finds it in `answer`. */
export type ApprovalAnswer = {
  decision: "approved" | "rejected" | "expired";
  decisions: readonly Decision[];
};

/** Where a further word leads: the first rejection ends it, as does the last approval that was missing. */
export function statusAfter(
  quorum: number,
  before: readonly Pick<Decision, "decision">[],
  decision: Decision["decision"],
): "pending" | "approved" | "rejected" {
  if (decision === "reject") return "rejected";
  const approvals = before.filter((given) => given.decision === "approve").length + 1;
  return approvals >= quorum ? "approved" : "pending";
}
