// Asks the engine to ask, which also makes the output of what people have said.
import { normaliseEmail } from "#core/domain/email.ts";
import type { NodeRunner } from "#core/domain/node.ts";
import type { ApprovalConfig } from "./definition.ts";

/** The output is `{decision, decisions: [{userId, decision, comment, at}], message}`. */
export const runApproval: NodeRunner<ApprovalConfig> = ({ message, approvers = [], ...rest }) => {
  const { quorum, excludeRequester, deadlineMs } = rest;
  const named = [...new Set(approvers.map(normaliseEmail))];
  const asked = { kind: "approval", message, approvers: named, quorum, excludeRequester } as const;
  return deadlineMs === undefined ? asked : { ...asked, deadlineMs };
};
