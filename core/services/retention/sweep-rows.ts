// Sweeps rows that have had their day and that nobody owns as data: what let people in, counts, histories of slots.
import { collectFailures } from "../../domain/collect-failures.ts";
import type { Database } from "../../persistence/database.ts";
import { keepOutHolds } from "../../persistence/identity/workspaces.ts";
import { SWEPT_KINDS, type SweptKind, sweepRows } from "../../persistence/retention/sweep-rows.ts";

/** Small rows by an index: some 10 ms a statement. */
const BATCH = 1_000;

/**
 * One pass; returns how many rows of each kind went, kinds without any left out. A kind that fails holds up no other: throws at
 * the end.
 */
export async function sweepExpired(
  database: Database,
  { signal, batch = BATCH }: { signal?: AbortSignal; batch?: number } = {},
): Promise<Partial<Record<SweptKind, number>>> {
  const swept: Partial<Record<SweptKind, number>> = {};
  const failures = collectFailures();
  const sweep = async (kind: SweptKind) => {
    for (let taken = batch; taken === batch && !signal?.aborted; ) {
      taken = await database.transaction({ workspaceIds: [] }, async (tx) => {
        await keepOutHolds(tx);
        return sweepRows(tx, kind, batch);
      });
      if (taken > 0) swept[kind] = (swept[kind] ?? 0) + taken;
    }
  };
  for (const kind of SWEPT_KINDS) await failures.attempt(kind, () => sweep(kind), undefined);
  failures.throwIfAny();
  return swept;
}
