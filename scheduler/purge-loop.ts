// Purges deleted workspaces every second. Any number of schedulers may: each workspace is in one's hands at a time.
import type { Logger } from "#core/logger.ts";
import { type Loop, runLoop } from "./run-loop.ts";

const PASS_MS = 1_000;

/** `purge` returns the ids of what it finished; it should end soon after the signal aborts. */
export function startPurgeLoop(
  purge: (signal: AbortSignal) => Promise<readonly string[]>,
  logger: Logger,
): Loop {
  return runLoop({
    async run({ signal, rest }) {
      for (const workspaceId of await purge(signal)) logger.info({ workspaceId }, "workspace purged");
      await rest(PASS_MS);
    },
    onError: (error) => logger.warn({ err: error }, "purge interrupted, going on"),
    retryMs: PASS_MS,
  });
}
