// Finishes erasures of people every second, where whoever was asked has died. Any number of schedulers may: each
// erasure is in one's hands at a time.
import { Gauge, type Registry } from "prom-client";
import type { Logger } from "#core/logger.ts";
import type { ResumedErasures } from "#core/services/erasure/resume-erasures.ts";
import { type Loop, runLoop } from "./run-loop.ts";

const PASS_MS = 1_000;
/** An erasure takes seconds; one that is older than this somebody should know of. */
const LATE_SECONDS = 60;
/** How often they are told. */
const REMIND_MS = 60_000;

/** `resume` should end soon after the signal aborts. The numbers go into `metrics`. */
export function startErasureLoop(
  resume: (signal: AbortSignal) => Promise<ResumedErasures>,
  logger: Logger,
  metrics: Registry,
): Loop {
  const observe = createObserver(logger, metrics);
  return runLoop({
    async run({ signal, rest }) {
      const resumed = await resume(signal);
      for (const { id: erasureId, userId, chainId } of resumed.finished) {
        logger.info({ erasureId, userId, chainId }, "erasure finished");
      }
      for (const { erasure, error } of resumed.failed) {
        const { id: erasureId, userId, failures } = erasure;
        logger.error({ err: error, erasureId, userId, failures: failures + 1 }, "erasure failed, put off");
      }
      observe(resumed);
      await rest(PASS_MS);
    },
    onError: (error) => logger.warn({ err: error }, "erasures interrupted, going on"),
    retryMs: PASS_MS,
  });
}

function createObserver(logger: Logger, metrics: Registry): (resumed: ResumedErasures) => void {
  const registers = [metrics];
  const count = new Gauge({
    name: "atelier_erasures_pending",
    help: "Erasures of people that have begun and not ended, at most 100",
    registers,
  });
  const oldest = new Gauge({
    name: "atelier_erasures_oldest_seconds",
    help: "For how long the oldest of them has been going on; 0 without any",
    registers,
  });
  let remindedAt = Number.NEGATIVE_INFINITY;
  return ({ pending, finished }) => {
    const left = pending.filter((erasure) => !finished.includes(erasure));
    count.set(left.length);
    oldest.set(Math.max(0, ...left.map((erasure) => erasure.ageSeconds)));
    const late = left.filter((erasure) => erasure.ageSeconds > LATE_SECONDS);
    if (late.length === 0 || performance.now() - remindedAt < REMIND_MS) return;
    remindedAt = performance.now();
    const erasureIds = late.map((erasure) => erasure.id);
    const failures = Math.max(...late.map((erasure) => erasure.failures));
    logger.warn({ late: late.length, pending: left.length, erasureIds, failures }, "erasures are late");
  };
}
