// Fires what is due, in every scheduler at once: sleeps until the next slot, at most half a second, so that edits are seen.
import type { Logger } from "#core/logger.ts";
import type { Firing } from "#core/services/schedules/fire-due.ts";
import { type Loop, runLoop } from "./run-loop.ts";

const LOOK_MS = 500;
const RETRY_MS = 500;

export type FiringLoop = Loop & {
  /** When it last looked with success, in milliseconds since the epoch; 0: never. */
  lastLookAt(): number;
};

export function startFiringLoop(firing: Firing, logger: Logger): FiringLoop {
  let lastLookAt = 0;
  const loop = runLoop({
    async run({ signal, rest }) {
      const nextMs = await firing.look(signal);
      lastLookAt = Date.now();
      // A timer may be a millisecond early, and what is not due yet is looked at again.
      await rest(Math.min(LOOK_MS, nextMs));
    },
    onError: (error) => logger.warn({ err: error }, "schedules could not be fired, trying again"),
    retryMs: RETRY_MS,
  });
  return { ...loop, lastLookAt: () => lastLookAt };
}
