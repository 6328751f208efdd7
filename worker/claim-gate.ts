// Rings that arrive together are claimed together: one update for all of them.

import { AppError } from "#core/domain/app-error.ts";
import { LEASE_MS } from "#core/domain/execution.ts";
import type { ClaimedExecution } from "#core/domain/journal.ts";
import { claimExecutions } from "#core/persistence/claim-executions.ts";
import type { Database } from "#core/persistence/database.ts";
import { createGroupWriter } from "#core/persistence/group-writer.ts";

export type ClaimGate = {
  /** null: somebody else has it, it is not due, or it is finished. */
  claim(executionId: string): Promise<ClaimedExecution | null>;
};

export function createClaimGate(database: Database, workerId: string): ClaimGate {
  const writer = createGroupWriter<string, ClaimedExecution | null>({
    async writeBatch(ids) {
      const claimed = await claimExecutions(database, {
        ids: [...new Set(ids)],
        owner: workerId,
        leaseMs: LEASE_MS,
      });
      const byId = new Map(claimed.map((execution) => [execution.id, execution]));
      return ids.map((id) => {
        const execution = byId.get(id) ?? null;
        // The same ring twice in one batch: the first takes it.
        byId.delete(id);
        return execution;
      });
    },
    maxBatch: 200,
    maxInFlight: 2,
    isShared: (error) => error instanceof AppError && error.retryable,
  });
  return { claim: (executionId) => writer.write(executionId) };
}
