// The executions of slots that fire: inserted with everything that goes with a submission, last in their transaction.
import { AppError } from "../../domain/app-error.ts";
import { crashPoint } from "../../domain/crash-points.ts";
import { rolesFor } from "../../domain/roles.ts";
import { type AuditEntry, appendAudit, lockHeads } from "../../persistence/audit/audit-logs.ts";
import type { Executor } from "../../persistence/database.ts";
import { cancelExecution } from "../../persistence/executions/executions.ts";
import { insertExecutions, type NewExecution } from "../../persistence/executions/insert-executions.ts";
import type { Ring } from "../../queue/bells.ts";
import { ringsOf, shareBells } from "../executions/commit-submissions.ts";

/** An execution that makes room for another one of its schedule. */
export type Cancel = { executionId: string; workspaceId: string; userId: string; scheduleId: string };

/**
 * `write` sends what else the transaction writes, without waiting for it. Resolves to the rings to send after the
 * commit, which goes out with the entries of the audit log. Throws `conflict` when an owner lost their right meanwhile.
 */
export async function startExecutions(
  tx: Executor,
  executions: readonly NewExecution[],
  cancels: readonly Cancel[],
  write: () => Promise<unknown>[],
): Promise<Ring[]> {
  const rows = shareBells(executions);
  const workspaceIds = [...new Set([...rows, ...cancels].map(workspaceOf))];
  // In the order of their ids, as everybody locks executions; the heads last.
  const sorted = cancels.toSorted((a, b) => (a.executionId < b.executionId ? -1 : 1));
  const cancelling = sorted.map(({ executionId, userId }) => cancelExecution(tx, executionId, userId));
  const writing = write();
  const [statuses, made, locked] = await Promise.all([
    Promise.all(cancelling),
    rows.length > 0 ? insertExecutions(tx, rows, rolesFor("execution:run")) : [],
    workspaceIds.length > 0 ? lockHeads(tx, workspaceIds) : undefined,
    ...writing,
  ]);
  if (made.length < rows.length) {
    throw new AppError("conflict", "An owner of a schedule may not run its workflow any more", {
      retryable: true,
    });
  }
  crashPoint("scheduler.before_fire_commit");
  const cancelled = sorted.filter((_, index) => statuses[index] !== null);
  const entries = [...cancelled.map(cancelEntry), ...rows.map(submitEntry)];
  await appendAudit(tx, entries, { isAll: true, locked });
  return ringsOf(rows);
}

function workspaceOf(row: NewExecution | Cancel): string {
  return "workspaceId" in row ? row.workspaceId : (row.workspaceIds[0] ?? "");
}

function submitEntry(row: NewExecution): AuditEntry {
  const { scheduleId, scheduledFor, startedBy } = row.trigger;
  return {
    chainId: workspaceOf(row),
    actorId: row.userId,
    action: "execution.submitted",
    targetType: "execution",
    targetId: row.id,
    details: { workflowId: row.workflowId, version: row.version, scheduleId, scheduledFor, startedBy },
  };
}

function cancelEntry({ executionId, workspaceId, userId, scheduleId }: Cancel): AuditEntry {
  return {
    chainId: workspaceId,
    actorId: userId,
    action: "execution.cancel_requested",
    targetType: "execution",
    targetId: executionId,
    details: { scheduleId },
  };
}
