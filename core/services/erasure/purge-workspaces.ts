// Purges deleted workspaces in small steps, each a transaction: killed at any point, the next pass goes on.
import { collectFailures } from "../../domain/collect-failures.ts";
import { appendAudit, INSTANCE_CHAIN } from "../../persistence/audit/audit-logs.ts";
import { type Database, NOBODY } from "../../persistence/database.ts";
import {
  listDeletedWorkspaces,
  type PurgeStep,
  purgeBatch,
} from "../../persistence/erasure/erase-workspaces.ts";

/** Steps of one workspace before the next one's turn. */
const STEPS = 200;
const END_OF_TURN = new Set(["running", "waiting", "gone"]);

export type PurgeOptions = { batch?: number; signal?: AbortSignal };

/**
 * One pass over all; returns the workspaces of which nothing but the log is left now. One that fails holds up no other: throws
 * at the end, when all others have had their turns.
 */
export async function purgeWorkspaces(database: Database, options: PurgeOptions = {}): Promise<string[]> {
  const purged: string[] = [];
  const failures = collectFailures();
  for (const id of await listDeletedWorkspaces(database))
    if (await failures.attempt(id, () => takeTurn(database, id, options), false)) purged.push(id);
  failures.throwIfAny();
  return purged;
}

/** True when nothing but the log is left. */
async function takeTurn(
  database: Database,
  id: string,
  { batch = 500, signal }: PurgeOptions,
): Promise<boolean> {
  for (let steps = 0; steps < STEPS && !signal?.aborted; steps += 1) {
    const { step } = await purgeStep(database, id, batch);
    if (step === "done") return true;
    if (END_OF_TURN.has(step)) return false;
  }
  return false;
}

function purgeStep(database: Database, id: string, batch: number): Promise<PurgeStep> {
  return database.transaction(NOBODY, async (tx) => {
    const done = await purgeBatch(tx, id, batch);
    if (done.step === "done") {
      const target = { chainId: INSTANCE_CHAIN, targetType: "workspace", targetId: id };
      await appendAudit(tx, [{ ...target, actorId: null, action: "workspace.purged" }]);
    }
    return done;
  });
}
