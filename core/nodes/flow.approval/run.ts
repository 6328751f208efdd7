// Asks the engine to ask; called again with what people have said, it leaves by the port of their decision.
import type { ApprovalAnswer } from "#core/domain/approval.ts";
import { normaliseEmail } from "#core/domain/email.ts";
import type { NodeRunner } from "#core/domain/node.ts";
import type { ApprovalConfig } from "./definition.ts";

/** The output is `{decision, decisions: [{userId, decision, comment, at}], message}`. */
export const runApproval: NodeRunner<ApprovalConfig> = (
  { message, approvers = [], ...rest },
  { resumed },
) => {
  const answer = resumed?.answer as ApprovalAnswer | undefined;
  if (answer) return { kind: "output", output: { ...answer, message }, port: answer.decision };
  const { quorum, excludeRequester, deadlineMs } = rest;
  const named = [...new Set(approvers.map(normaliseEmail))];
  const asked = { kind: "approval", message, approvers: named, quorum, excludeRequester } as const;
  return deadlineMs === undefined ? asked : { ...asked, deadlineMs };
};
