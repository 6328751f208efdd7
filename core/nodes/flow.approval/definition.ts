// Asks people and waits for their word without a worker.
import { z } from "zod";
import {
  APPROVAL_NODE,
  APPROVER_ROLES,
  MAX_APPROVERS,
  MAX_MESSAGE,
  MAX_QUORUM,
} from "#core/domain/approval.ts";
import { MAX_WAIT_MS } from "#core/domain/execution.ts";
import { defineNode } from "#core/domain/node.ts";

const roles = APPROVER_ROLES.map((role) => `role:${role}`);

const approver = z
  .string()
  .max(254)
  .regex(new RegExp(`^(${roles.join("|")}|[^\\s@:]+@[^\\s@]+)$`), {
    error: `is neither an e-mail address nor one of ${roles.join(", ")}`,
  });

const configSchema = z
  .strictObject({
    message: z.string().min(1).max(MAX_MESSAGE).describe("What people are asked, as they will read it"),
    approvers: z
      .array(approver)
      .max(MAX_APPROVERS)
      .optional()
      .describe(
        "E-mail addresses of members, or role:… for all who have it; whoever may run it when left out",
      ),
    quorum: z
      .int()
      .min(1)
      .max(MAX_QUORUM)
      .default(1)
      .describe("How many must approve; the first rejection ends it"),
    deadlineMs: z
      .int()
      .min(1)
      .max(MAX_WAIT_MS)
      .optional()
      .describe("Milliseconds until it expires, at most a year"),
    excludeRequester: z
      .boolean()
      .default(false)
      .describe("Neither the person in whose name the execution runs nor who had it started may decide"),
  })
  .refine(({ approvers = [], quorum }) => quorum <= reachOf(approvers), {
    error: "quorum is more than the people named could give",
  });

export type ApprovalConfig = z.infer<typeof configSchema>;

export const flowApproval = defineNode({
  type: APPROVAL_NODE,
  title: "Approval",
  category: "flow",
  description: "Waits until so many people have approved, one has rejected, or the deadline has come.",
  config: configSchema,
  inputs: ["in"],
  outputs: ["approved", "rejected", "expired"],
  // It is asked in the commit of its step, and an answer that came is never asked for again.
  effect: "pure",
});

/** How many could approve at most: a role may have any number. */
function reachOf(approvers: readonly string[]): number {
  const isOpen = approvers.length === 0 || approvers.some((one) => one.startsWith("role:"));
  return isOpen ? MAX_QUORUM : new Set(approvers.map((one) => one.toLowerCase())).size;
}
