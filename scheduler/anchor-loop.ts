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

/** `passMs` is for tests; `onWritten` hears of each pass that succeeded and how many heads it wrote. */
export type AnchorLoopOptions = { passMs?: number; onWritten?: (heads: number) => void };

/** The last pass is made at the stop, so that a clean end leaves nothing unsigned. */
export function startAnchorLoop(
  open: () => Promise<AnchorSession>,
  logger: Logger,
  { passMs = PASS_MS, onWritten = () => {} }: AnchorLoopOptions = {},
): Loop {
  return runLoop({
    run: (turn) => runSession(open, turn, { passMs, onWritten }),
    onError: (error) =>
      logger.error({ err: error }, "the audit log's heads could not be written, trying again"),
    retryMs: RETRY_MS,
  });
}

async function runSession(
  open: () => Promise<AnchorSession>,
  { signal, rest }: Turn,
  { passMs, onWritten }: Required<AnchorLoopOptions>,
): Promise<void> {
  const session = await open();
  try {
    session.forget();
    for (let last = false; !last; ) {
      last = signal.aborted;
      if (await session.acquire()) onWritten(await session.write());
      else session.forget();
      if (!last) await rest(passMs);
    }
  } finally {
    await session.close().catch(() => {});
  }
}
