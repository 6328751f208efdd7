// Rings that arrive together are claimed together: one update for all of them, a second look for what has limits.

import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import { LEASE_MS, MAX_CRASHES } from "#core/domain/execution.ts";
import type { ClaimedExecution } from "#core/domain/journal.ts";
import type { Database } from "#core/persistence/database.ts";
import { claimExecutions, findUnclaimed } from "#core/persistence/executions/claim-executions.ts";
import { callNext, claimWithinLimits } from "#core/persistence/executions/claim-limited.ts";
import type { DueExecution } from "#core/persistence/executions/rings.ts";
import { createGroupWriter } from "#core/persistence/group-writer.ts";
import { toRing } from "#core/queue/bells.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import type { HeldLease } from "./lease-thread.ts";

/** A worker died over it, as over all that it ran: one of them may do it again. */
const DOUBTED_CRASHES = 1;
/** One more worker lost over it and it fails, so it must take no innocent execution with it. */
const SUSPECT_CRASHES = MAX_CRASHES - 1;
const MAX_BATCH = 200;

export type ClaimGate = {
  /**
   * null: somebody else has it, it is not due, it is finished, or there is no room for it. `suspect`: workers
   * died over it. Where a workflow or workspace has a limit it may be another execution, the next in its line.
   */
  claim(executionId: string): Promise<ClaimedExecution | "suspect" | null>;
  /** For a suspect, with few others of them. `suspect`: it must be claimed alone. */
  claimAmongFew(executionId: string): Promise<ClaimedExecution | "suspect" | null>;
  /** For one that must be, once nothing else runs here. */
  claimAlone(executionId: string): Promise<ClaimedExecution | null>;
  /** Rings for who is next, after a limited execution was let go. Never rejects: recovery makes up for it. */
  letGo(execution: ClaimedExecution): Promise<void>;
};

export type ClaimGateOptions = {
  database: Database;
  workerId: string;
  queue: Pick<ExecutionQueue, "ring">;
  /** Hears of the leases that were claimed together, before any of them runs. */
  onClaimed: (leases: readonly HeldLease[]) => void;
  /** Executions that stay where they are: recovery rings for them. */
  onError: (error: unknown) => void;
  observe?: (claims: number, seconds: number) => void;
};

export function createClaimGate(options: ClaimGateOptions): ClaimGate {
  const { database, workerId, queue, onClaimed, onError, observe } = options;
  const lease = { owner: workerId, leaseMs: LEASE_MS };
  const isShared = (error: unknown) => error instanceof AppError && error.retryable;
  const ring = async (due: readonly DueExecution[]) => {
    if (due.length === 0) return;
    crashPoint("worker.after_call");
    await queue.ring(due.map(toRing)).catch(onError);
  };
  const claimFree = async (ids: readonly string[], crashesBelow: number) => {
    const claimed = await claimExecutions(database, { ...lease, ids, crashesBelow });
    onClaimed(claimed.map(leaseOf));
    return claimed;
  };
  /** What the first look left. Its failure must not undo what that one has claimed. */
  const claimRest = async (ids: readonly string[], crashesBelow: number): Promise<Rest> => {
    if (ids.length === 0) return NOTHING;
    try {
      const { suspects, limited } = await findUnclaimed(database, ids, crashesBelow);
      if (limited.length === 0) return { suspects, claimed: [] };
      const claim = { ...lease, ids: limited, crashesBelow };
      const { claimed, called } = await claimWithinLimits(database, claim);
      onClaimed(claimed.map(leaseOf));
      void ring(called);
      return { suspects, claimed };
    } catch (error) {
      onError(error);
      return NOTHING;
    }
  };
  const claims = createGroupWriter<string, ClaimedExecution | "suspect" | null>({
    async writeBatch(rung) {
      const ids = [...new Set(rung)];
      const free = await claimFree(ids, DOUBTED_CRASHES);
      const taken = new Set(free.map(({ id }) => id));
      const left = ids.filter((id) => !taken.has(id));
      const { suspects, claimed } = await claimRest(left, DOUBTED_CRASHES);
      return share(rung, [...free, ...claimed], suspects);
    },
    maxBatch: MAX_BATCH,
    maxInFlight: 2,
    isShared,
    observe,
  });
  const ends = createGroupWriter<ClaimedExecution, void>({
    async writeBatch(ended) {
      await ring(await callNext(database, ended));
      return ended.map(() => undefined);
    },
    maxBatch: MAX_BATCH,
    maxInFlight: 1,
    isShared,
  });
  const claimOne = async (executionId: string, crashesBelow: number) => {
    const [free] = await claimFree([executionId], crashesBelow);
    if (free) return free;
    const { suspects, claimed } = await claimRest([executionId], crashesBelow);
    return suspects.has(executionId) ? "suspect" : (claimed[0] ?? null);
  };
  return {
    claim: (executionId) => claims.write(executionId),
    claimAmongFew: (executionId) => claimOne(executionId, SUSPECT_CRASHES),
    async claimAlone(executionId) {
      const claimed = await claimOne(executionId, MAX_CRASHES);
      return claimed === "suspect" ? null : claimed;
    },
    letGo: (execution) => ends.write(execution).catch(onError),
  };
}

type Rest = { suspects: ReadonlySet<string>; claimed: readonly ClaimedExecution[] };

const NOTHING: Rest = { suspects: new Set(), claimed: [] };

function leaseOf({ id, fence }: ClaimedExecution): HeldLease {
  return { id, fence };
}

/** Who was asked for goes to who asked; another one goes to somebody who would get nothing. */
function share(
  rung: readonly string[],
  claimed: readonly ClaimedExecution[],
  suspects: ReadonlySet<string>,
): (ClaimedExecution | "suspect" | null)[] {
  const asked = new Set(rung);
  const spare = claimed.filter(({ id }) => !asked.has(id));
  const byId = new Map<string, ClaimedExecution | "suspect">(claimed.map((one) => [one.id, one]));
  for (const id of suspects) byId.set(id, "suspect");
  return rung.map((id) => {
    // The same ring twice in one batch: the first takes it.
    const own = byId.get(id);
    byId.delete(id);
    return own ?? spare.shift() ?? null;
  });
}
