// Counts what waits and runs every few seconds, in the one scheduler that holds the recovery lock.
import type { Logger } from "#core/logger.ts";
import { type Loop, runLoop } from "./run-loop.ts";

/** Shorter than Prometheus asks (15 s), so that a scrape never shows the one before. */
const PASS_MS = 5_000;

export type CensusLoopOptions<Census> = {
  /** Does this scheduler hold the lock now? The others report nothing, so that sums over schedulers are right. */
  isHolder(): boolean;
  take(): Promise<Census | null>;
  /** null: somebody else counts, or nobody could. */
  report(census: Census | null): void;
  logger: Logger;
  passMs?: number;
};

export function startCensusLoop<Census>(options: CensusLoopOptions<Census>): Loop {
  const { isHolder, take, report, logger, passMs = PASS_MS } = options;
  return runLoop({
    async run({ rest }) {
      report(isHolder() ? await take() : null);
      await rest(passMs);
    },
    onError(error) {
      // Better no figure than an old one.
      report(null);
      logger.warn({ err: error }, "executions could not be counted");
    },
    retryMs: passMs,
  });
}
