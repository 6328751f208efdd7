// How every change of a workflow begins (the row held, the role checked) and ends (an audit entry).
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { lockWorkflow, type WorkflowSummary } from "../../persistence/workflows/workflows.ts";

/** Holds the row against other writers until the transaction ends. Throws `not_found` or `forbidden`. */
export async function lockWritable(tx: Executor, actor: Actor, id: string): Promise<WorkflowSummary> {
  const workflow = await lockWorkflow(tx, id);
  if (!workflow) throw notFound("workflow");
  authorize(actor, "workflow:write", workflow);
  return workflow;
}

/** The last statement of a transaction: it holds the workspace's audit chain until the commit. */
export async function auditWorkflow(
  tx: Executor,
  actor: Actor,
  workflow: { id: string; workspaceId: string },
  action: `workflow.${string}`,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  const target = { chainId: workflow.workspaceId, targetType: "workflow", targetId: workflow.id };
  await appendAudit(tx, [{ ...target, actorId: actor.userId, action, details }]);
}
