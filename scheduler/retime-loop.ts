// Looks at every start and once a day whether stored slots agree with this Node.js's time zone data: an older api may have made some.
import type { Logger } from "#core/logger.ts";
import { type Loop, runLoop } from "./run-loop.ts";

const DAY_MS = 86_400_000;
const RETRY_MS = 60_000;

/** `retime` resolves to how many it moved; it should end soon after the signal aborts. */
export function startRetimeLoop(retime: (signal: AbortSignal) => Promise<number>, logger: Logger): Loop {
  return runLoop({
    async run({ signal, rest }) {
      const moved = await retime(signal);
      const { tz } = process.versions;
      if (moved > 0) logger.info({ moved, tz }, "schedules follow other time zone data");
      await rest(DAY_MS);
    },
    onError: (error) => logger.warn({ err: error }, "stored slots could not be compared, trying again"),
    retryMs: RETRY_MS,
  });
}
