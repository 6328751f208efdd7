// Empties, batch by batch, the details of log entries that name a person.
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import { DETAILS_ERASED } from "../../persistence/audit/verify-audit-erasures.ts";
import type { Database, Principals } from "../../persistence/database.ts";
import { eraseDetails, type LogPlace } from "../../persistence/erasure/erase-people.ts";

/** 2,000 entries: what an entry that lists them all holds is below 80 KB, and a batch ends within a second. */
const BATCH = 2_000;

/**
 * Of one workspace's chain, or of all of them (`workspaceId` null, for administrators). Each batch is a transaction
 * of its own with its own entries in the chains it touched; broken off, it is simply done again. Returns how many
 * entries lost their details.
 */
export async function eraseDetailsOf(
  database: Database,
  principals: Principals & { userId: string },
  person: { userId: string; workspaceId: string | null },
): Promise<number> {
  let place: LogPlace | null = { chain: INSTANCE_CHAIN, seq: 0 };
  let total = 0;
  while (place) {
    const after: LogPlace = place;
    place = await database.transaction(principals, async (tx) => {
      const batch = await eraseDetails(tx, person, after, BATCH);
      if (!batch) return null;
      const entries = Object.entries(batch.erased);
      await appendAudit(
        tx,
        entries.map(([chainId, ids]) => ({
          chainId,
          actorId: principals.userId,
          action: DETAILS_ERASED,
          targetType: "user",
          targetId: person.userId,
          details: { entries: ids },
        })),
      );
      for (const [, ids] of entries) total += ids.length;
      return batch;
    });
  }
  return total;
}
