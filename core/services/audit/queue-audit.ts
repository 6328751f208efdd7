// What administrators do at the queue dashboard, written down before it happens: BullMQ knows no transaction of ours.
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import type { Database } from "../../persistence/database.ts";

export type QueueAuditEntry = {
  /** `queue.open`, or `queue.` and the verb of the dashboard. */
  action: `queue.${string}`;
  targetType: "queue" | "job";
  targetId: string;
  details?: unknown;
};

export type QueueAudit = {
  /** Rejects when it could not be written; then the action must not be done. */
  record(actorId: string, entry: QueueAuditEntry): Promise<void>;
};

export function createQueueAudit({ database }: { database: Database }): QueueAudit {
  return {
    record: (actorId, entry) =>
      database.transaction({ userId: actorId, workspaceIds: [] }, (tx) =>
        appendAudit(tx, [{ ...entry, actorId, chainId: INSTANCE_CHAIN }]),
      ),
  };
}
