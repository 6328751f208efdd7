// What becomes of the schedules of a workflow that is archived: they are switched off, and say so.
import { createId } from "../../crypto/new-id.ts";
import type { AuditEntry } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { insertSkips } from "../../persistence/schedules/schedule-history.ts";
import { skipAllPending, switchOff } from "../../persistence/schedules/scheduled-workflows.ts";

const REASON = "workflow_archived";

/** For the transaction that archives it: what its log has to say of them. What was due or waited for its turn is told of in their history. */
export async function retireSchedules(
  tx: Executor,
  workflowId: string,
): Promise<Pick<AuditEntry, "action" | "targetType" | "targetId" | "details">[]> {
  const retired = await switchOff(tx, workflowId);
  // A statement of its own after the locks: it sees what schedulers let wait before.
  await skipAllPending(tx, workflowId, REASON);
  const skips = retired.flatMap(({ id, workspaceId, due }) => {
    if (due === null) return [];
    const slots = { first: due, last: due, slots: null };
    return [{ id: createId(), workspaceId, scheduleId: id, ...slots, reason: REASON }];
  });
  await insertSkips(tx, skips);
  const details = { fields: ["enabled"], enabled: false, reason: REASON };
  return retired.map(({ id }) => ({
    ...{ action: "schedule.updated", targetType: "schedule", targetId: id, details },
  }));
}
