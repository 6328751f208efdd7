// Rings that arrive together are claimed together: one update for all of them.

import { AppError } from "#core/domain/app-error.ts";
import { LEASE_MS, MAX_CRASHES } from "#core/domain/execution.ts";
import type { ClaimedExecution } from "#core/domain/journal.ts";
import type { Database } from "#core/persistence/database.ts";
import { claimExecutions, findSuspects } from "#core/persistence/executions/claim-executions.ts";
import { createGroupWriter } from "#core/persistence/group-writer.ts";
import type { HeldLease } from "./lease-thread.ts";

/** One more worker lost over it and it fails, so it must take no innocent execution with it. */
const SUSPECT_CRASHES = MAX_CRASHES - 1;

export type ClaimGate = {
  /** null: somebody else has it, it is not due, or it is finished. `suspect`: it must be claimed alone. */
  claim(executionId: string): Promise<ClaimedExecution | "suspect" | null>;
  /** For a suspect, once nothing else runs here. */
  claimAlone(executionId: string): Promise<ClaimedExecution | null>;
};

/** `onClaimed` hears of the leases that were claimed together, before any of them runs. */
export function createClaimGate(
  database: Database,
  workerId: string,
  onClaimed: (leases: readonly HeldLease[]) => void,
  observe?: (claims: number, seconds: number) => void,
): ClaimGate {
  const lease = { owner: workerId, leaseMs: LEASE_MS };
  const writer = createGroupWriter<string, ClaimedExecution | "suspect" | null>({
    async writeBatch(rung) {
      const ids = [...new Set(rung)];
      const claimed = await claimExecutions(database, { ...lease, ids, crashesBelow: SUSPECT_CRASHES });
      onClaimed(claimed.map(leaseOf));
      const byId = new Map(claimed.map((execution) => [execution.id, execution]));
      const left = ids.filter((id) => !byId.has(id));
      const suspects =
        left.length > 0 ? await findSuspects(database, left, SUSPECT_CRASHES) : new Set<string>();
      return rung.map((id) => {
        const execution = byId.get(id) ?? (suspects.has(id) ? "suspect" : null);
        // The same ring twice in one batch: the first takes it.
        byId.delete(id);
        suspects.delete(id);
        return execution;
      });
    },
    maxBatch: 200,
    maxInFlight: 2,
    isShared: (error) => error instanceof AppError && error.retryable,
    observe,
  });
  return {
    claim: (executionId) => writer.write(executionId),
    async claimAlone(executionId) {
      const claim = { ...lease, ids: [executionId], crashesBelow: MAX_CRASHES };
      const claimed = await claimExecutions(database, claim);
      onClaimed(claimed.map(leaseOf));
      return claimed[0] ?? null;
    },
  };
}

function leaseOf({ id, fence }: ClaimedExecution): HeldLease {
  return { id, fence };
}
