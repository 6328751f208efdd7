// Large cancels go on in recovery: as many as there is time for, workspaces in turn.
import { collectFailures } from "../../domain/collect-failures.ts";
import type { Executor } from "../../persistence/database.ts";
import { listCancels, passOnCancel } from "../../persistence/executions/pending-moves.ts";

/** Recovery is due again a second later, and what it does for others comes first in its pass. */
const TIME_MS = 500;
const PAGE = 1_000;

/** `timeMs`: begins none after it; the next pass does what is left. Goes on past one that fails, and throws at the end. */
export async function passOnCancels(database: Executor, { timeMs = TIME_MS } = {}): Promise<void> {
  const endsAt = performance.now() + timeMs;
  const failures = collectFailures();
  let reached: number;
  do {
    reached = 0;
    for (const id of await listCancels(database, PAGE)) {
      reached += await failures.attempt(`cancel ${id}`, () => passOnCancel(database, id), 0);
      if (performance.now() >= endsAt) return failures.throwIfAny();
    }
    // Who was being written is noted anew, and would be asked again and again.
  } while (reached > 0);
  failures.throwIfAny();
}
