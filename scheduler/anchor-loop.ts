// Signs the audit chains' heads every 30 seconds, in one scheduler at a time: the one that holds the lock.
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "#core/logger.ts";

// Nothing older than a minute may be without an anchor, even when a pass is late.
const PASS_MS = 30_000;
const RETRY_MS = 5_000;

/** A session that may hold the anchors' lock. */
export type AnchorSession = {
  /** False: another scheduler holds the lock. */
  acquire(): Promise<boolean>;
  /** Resolves to the number of heads that were written. */
  write(): Promise<number>;
  /** Before the lock is taken over from another. */
  forget(): void;
  close(): Promise<void>;
};

export type AnchorLoop = { stop(): Promise<void> };

/** `passMs` is for tests. The last pass is made at the stop, so that a clean end leaves nothing unsigned. */
export function startAnchorLoop(
  open: () => Promise<AnchorSession>,
  logger: Logger,
  passMs = PASS_MS,
): AnchorLoop {
  const stopping = new AbortController();
  const rest = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => {});

  const runSession = async () => {
    const session = await open();
    try {
      session.forget();
      for (let last = false; !last; ) {
        last = stopping.signal.aborted;
        if (await session.acquire()) await session.write();
        else session.forget();
        if (!last) await rest(passMs);
      }
    } finally {
      await session.close().catch(() => {});
    }
  };

  const loop = (async () => {
    while (!stopping.signal.aborted) {
      try {
        await runSession();
      } catch (error) {
        logger.error({ err: error }, "the audit log's heads could not be written, trying again");
        await rest(RETRY_MS);
      }
    }
  })();

  return {
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}
