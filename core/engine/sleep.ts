// Waiting that a cancel ends.
import { setTimeout as delay } from "node:timers/promises";

/** Resolves after `ms` milliseconds, rejects with the signal's reason when it is aborted first. */
export async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    signal.throwIfAborted();
  }
}
