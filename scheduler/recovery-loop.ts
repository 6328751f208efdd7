// Runs recovery every second in one scheduler at a time: the one that holds the advisory lock.
import type { Logger } from "#core/logger.ts";
import type { Recovered } from "#core/services/executions/recover-executions.ts";
import { type Loop, runLoop } from "./run-loop.ts";

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

export type RecoveryLoop = Loop & { lastPassAt(): number };

export function startRecoveryLoop(open: () => Promise<RecoverySession>, logger: Logger): RecoveryLoop {
  let lastPassAt = 0;
  let graceMs = 0;
  const loop = runLoop({
    async run({ signal, rest }) {
      const session = await open();
      try {
        await rest(graceMs);
        while (!signal.aborted) {
          if (await session.acquire()) report(await session.recover(), logger);
          lastPassAt = Date.now();
          await rest(PASS_MS);
        }
      } finally {
        await session.close().catch(() => {});
      }
    },
    onError(error) {
      logger.warn({ err: error }, "recovery interrupted, trying again");
      graceMs = GRACE_MS;
    },
    retryMs: RETRY_MS,
  });
  return { ...loop, lastPassAt: () => lastPassAt };
}

function report(recovered: Recovered, logger: Logger): void {
  for (const { id, status, goneErrorWorkflowId: errorWorkflowId } of recovered.reaped) {
    logger.warn({ executionId: id, status }, "worker lost, execution taken back");
    if (errorWorkflowId) {
      const gone = { executionId: id, errorWorkflowId };
      logger.warn(gone, "execution failed, its error workflow is archived or gone");
    }
  }
  if (recovered.rung > 0) logger.info({ rung: recovered.rung }, "executions rung again");
}
