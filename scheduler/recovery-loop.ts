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

export type RecoveryLoop = Loop & {
  /** Milliseconds since the epoch; 0: never. Also the passes on which another was seen to hold the lock. */
  lastPassAt(): number;
  /** Did this one hold the lock on its last pass? */
  isHolder(): boolean;
};

/** Told of each pass that did its work, and how long it took in seconds. */
export type ObserveRecovery = (recovered: Recovered, seconds: number) => void;

export function startRecoveryLoop(
  open: () => Promise<RecoverySession>,
  logger: Logger,
  observe: ObserveRecovery = () => {},
): RecoveryLoop {
  let lastPassAt = 0;
  let isHolder = false;
  let graceMs = 0;
  const loop = runLoop({
    async run({ signal, rest }) {
      const session = await open();
      try {
        await rest(graceMs);
        while (!signal.aborted) {
          isHolder = await session.acquire();
          if (isHolder) report(await timed(session, observe), logger);
          lastPassAt = Date.now();
          await rest(PASS_MS);
        }
      } finally {
        isHolder = false;
        await session.close().catch(() => {});
      }
    },
    onError(error) {
      logger.warn({ err: error }, "recovery interrupted, trying again");
      graceMs = GRACE_MS;
    },
    retryMs: RETRY_MS,
  });
  return { ...loop, lastPassAt: () => lastPassAt, isHolder: () => isHolder };
}

async function timed(session: RecoverySession, observe: ObserveRecovery): Promise<Recovered> {
  const startedAt = performance.now();
  const recovered = await session.recover();
  observe(recovered, (performance.now() - startedAt) / 1_000);
  return recovered;
}

function report(recovered: Recovered, logger: Logger): void {
  for (const { id, status, goneErrorWorkflowId: errorWorkflowId } of recovered.reaped) {
    logger.warn({ executionId: id, status }, "worker lost, execution taken back");
    if (errorWorkflowId) {
      const gone = { executionId: id, errorWorkflowId };
      logger.warn(gone, "execution failed, its error workflow is archived or gone");
    }
  }
  for (const err of recovered.failed) logger.error({ err }, "cancel not passed on, trying again");
  if (recovered.rung > 0) logger.info({ rung: recovered.rung }, "executions rung again");
}
