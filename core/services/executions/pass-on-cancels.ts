// Large cancels go on in recovery: as many as there is time for, workspaces in turn.
import type { Executor } from "../../persistence/database.ts";
import { findLastCancel, listCancels, passOnCancel } from "../../persistence/executions/pending-moves.ts";
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
  // What failed, or is in other hands.
  const left: number[] = [];
  const last = await findLastCancel(database);
  for (let isWorthwhile = last > 0; isWorthwhile; ) {
    // Who was being written is noted anew, under a later id: only with others that were reached it is asked again.
    isWorthwhile = false;
    for (const id of await listCancels(database, { limit: PAGE, except: left })) {
      isWorthwhile ||= id <= last;
      try {
        const reached = await passOnCancel(database, id);
        if (reached === null) left.push(id);
        isWorthwhile ||= Number(reached) > 0;
      } catch (error) {
        if (isDatabaseAway(error)) throw error;
        failed.push(error);
        left.push(id);
      }
      if (performance.now() >= endsAt) return failed;
    }
  }
  return failed;
}
