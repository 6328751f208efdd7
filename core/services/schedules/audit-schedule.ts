// Every change of a schedule ends with an entry in the audit log.
import type { Actor } from "../../domain/roles.ts";
import { appendAudit } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";

/** The last statement of a transaction. */
export async function auditSchedule(
  tx: Executor,
  actor: Actor,
  schedule: { id: string; workspaceId: string },
  action: `schedule.${string}`,
  details: Readonly<Record<string, unknown>>,
): Promise<void> {
  const target = { chainId: schedule.workspaceId, targetType: "schedule", targetId: schedule.id };
  await appendAudit(tx, [{ ...target, actorId: actor.userId, action, details }]);
}
