// Runs recovery every second in one scheduler at a time: the one that holds the advisory lock.
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "#core/logger.ts";
import type { Recovered } from "#core/services/executions/recover-executions.ts";

const PASS_MS = 1_000;
/** After a lost connection everybody's leases were late too: workers renew within 2 s, then is reaped. */
const GRACE_MS = 3_000;
/** Between two tries to get a connection back. */
const RETRY_MS = 1_000;

/** A session that may hold the recovery lock. */
export type RecoverySession = {
  /** False: another scheduler holds the lock. */
  acquire(): Promise<boolean>;
  recover(): Promise<Recovered>;
  close(): Promise<void>;
};

export type RecoveryLoop = { stop(): Promise<void>; lastPassAt(): number };

export function startRecoveryLoop(open: () => Promise<RecoverySession>, logger: Logger): RecoveryLoop {
  const stopping = new AbortController();
  let lastPassAt = 0;

  const runSession = async (graceMs: number) => {
    const session = await open();
    try {
      await rest(graceMs);
      while (!stopping.signal.aborted) {
        if (await session.acquire()) report(await session.recover(), logger);
        lastPassAt = Date.now();
        await rest(PASS_MS);
      }
    } finally {
      await session.close().catch(() => {});
    }
  };
  const rest = (ms: number) => delay(ms, undefined, { signal: stopping.signal }).catch(() => {});

  const loop = (async () => {
    let graceMs = 0;
    while (!stopping.signal.aborted) {
      try {
        await runSession(graceMs);
      } catch (error) {
        logger.warn({ err: error }, "recovery interrupted, trying again");
        graceMs = GRACE_MS;
        await rest(RETRY_MS);
      }
    }
  })();

  return {
    async stop() {
      stopping.abort();
      await loop;
    },
    lastPassAt: () => lastPassAt,
  };
}

function report(recovered: Recovered, logger: Logger): void {
  for (const { id, status } of recovered.reaped) {
    logger.warn({ executionId: id, status }, "worker lost, execution taken back");
  }
  if (recovered.rung > 0) logger.info({ rung: recovered.rung }, "executions rung again");
}
