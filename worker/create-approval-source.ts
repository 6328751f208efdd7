// What people have decided, over PostgreSQL.
import type { ApprovalSource } from "#core/engine/approval-source.ts";
import type { Database } from "#core/persistence/database.ts";
import { settleApproval } from "#core/persistence/executions/approvals.ts";
import { awaitDatabase } from "./await-database.ts";

export function createApprovalSource(database: Database): ApprovalSource {
  return { settle: (approvalId) => awaitDatabase(() => settleApproval(database, approvalId)) };
}
