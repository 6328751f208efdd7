// Notices that work waits and none of it reaches this worker: not ready, then new queue connections, then the end.
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "#core/logger.ts";

const LOOK_MS = 3_000;
/** So long without a ring while work waits, and the worker is not ready; as long again after the rebuild, it ends. */
const PATIENCE_MS = 30_000;

export type ClaimWatchTimes = { lookMs?: number; patienceMs?: number };

export type ClaimWatchOptions = ClaimWatchTimes & {
  /** Is there an execution that could be claimed now? Must cost the same however many there are. */
  hasBacklog(): Promise<boolean>;
  /** Could this worker take one? */
  hasRoom(): boolean;
  /** Replaces the connections to the queue; not waited for. */
  rebuild(): Promise<void>;
  /** Nothing helped: the process must end, so that its supervisor starts another. */
  giveUp(): void;
  logger: Logger;
};

export type ClaimWatch = {
  /** A ring has come. */
  heard(): void;
  isClaiming(): boolean;
  stop(): void;
};

export function startClaimWatch(options: ClaimWatchOptions): ClaimWatch {
  const { lookMs = LOOK_MS, patienceMs = PATIENCE_MS, logger } = options;
  const stopping = new AbortController();
  let silentMs = 0;
  let isRebuilt = false;
  let isClaiming = true;
  let lookedAt = performance.now();

  const reset = () => {
    if (!isClaiming) logger.info("rings come again");
    silentMs = 0;
    isRebuilt = false;
    isClaiming = true;
  };

  const look = async () => {
    const now = performance.now();
    // A process that was stopped or blocked has not listened all that time.
    const passed = Math.min(now - lookedAt, 2 * lookMs);
    lookedAt = now;
    // A full worker hears nothing because it does not listen: that says nothing about the queue, neither way.
    if (!options.hasRoom()) return;
    // Without the database nobody claims: that is not the queue's fault.
    if (!(await options.hasBacklog().catch(() => false))) return reset();
    silentMs += passed;
    if (silentMs < patienceMs) return;
    if (!isRebuilt) {
      isRebuilt = true;
      isClaiming = false;
      silentMs = 0;
      logger.error(
        { patienceMs },
        "executions wait and no ring comes, building new connections to the queue",
      );
      options.rebuild().catch((error: unknown) => {
        logger.warn({ err: error }, "new connections to the queue could not be made");
      });
    } else {
      logger.fatal({ patienceMs }, "executions wait and no ring comes over new connections either, ending");
      stopping.abort();
      options.giveUp();
    }
  };

  void (async () => {
    while (!stopping.signal.aborted) {
      await delay(lookMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
      if (!stopping.signal.aborted) await look();
    }
  })();

  return {
    heard: reset,
    isClaiming: () => isClaiming,
    stop: () => stopping.abort(),
  };
}
