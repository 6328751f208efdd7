// Large cancels go on in recovery: as many as there is time for, workspaces in turn.
import type { Executor } from "../../persistence/database.ts";
import { listCancels, passOnCancel } from "../../persistence/executions/pending-moves.ts";
import { isDatabaseAway } from "../../persistence/translate-error.ts";

/** Recovery is due again a second later, and what it does for others comes first in its pass. */
const TIME_MS = 500;
const PAGE = 1_000;

/**
 * `timeMs`: begins none after it; the next pass does what is left. One that fails stops no other and is tried again by the
 * next pass. Resolves to what they failed with. Throws `database_unavailable`.
 */
export async function passOnCancels(database: Executor, { timeMs = TIME_MS } = {}): Promise<unknown[]> {
  const endsAt = performance.now() + timeMs;
  const failed: unknown[] = [];
  let reached: number;
  do {
    reached = 0;
    for (const id of await listCancels(database, PAGE)) {
      reached += await passOnCancel(database, id).catch((error) => {
        if (isDatabaseAway(error)) throw error;
        failed.push(error);
        return 0;
      });
      if (performance.now() >= endsAt) return failed;
    }
    // Who was being written is noted anew, and would be asked again and again.
  } while (reached > 0);
  return failed;
}
