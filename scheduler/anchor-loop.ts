// Signs the audit chains' heads every 30 seconds, in one scheduler at a time: the one that holds the lock.
import type { Logger } from "#core/logger.ts";
import { type Loop, runLoop, type Turn } from "./run-loop.ts";

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

/** `passMs` is for tests. The last pass is made at the stop, so that a clean end leaves nothing unsigned. */
export function startAnchorLoop(open: () => Promise<AnchorSession>, logger: Logger, passMs = PASS_MS): Loop {
  return runLoop({
    run: (turn) => runSession(open, turn, passMs),
    onError: (error) =>
      logger.error({ err: error }, "the audit log's heads could not be written, trying again"),
    retryMs: RETRY_MS,
  });
}

async function runSession(
  open: () => Promise<AnchorSession>,
  { signal, rest }: Turn,
  passMs: number,
): Promise<void> {
  const session = await open();
  try {
    session.forget();
    for (let last = false; !last; ) {
      last = signal.aborted;
      if (await session.acquire()) await session.write();
      else session.forget();
      if (!last) await rest(passMs);
    }
  } finally {
    await session.close().catch(() => {});
  }
}
