// Purges deleted workspaces every second. Any number of schedulers may: each workspace is in one's hands at a time.
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "#core/logger.ts";

const PASS_MS = 1_000;

export type PurgeLoop = { stop(): Promise<void> };

/** `purge` returns the ids of what it finished; it should end soon after the signal aborts. */
export function startPurgeLoop(
  purge: (signal: AbortSignal) => Promise<readonly string[]>,
  logger: Logger,
): PurgeLoop {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        for (const workspaceId of await purge(stopping.signal))
          logger.info({ workspaceId }, "workspace purged");
      } catch (error) {
        logger.warn({ err: error }, "purge interrupted, going on");
      }
      await delay(PASS_MS, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}
