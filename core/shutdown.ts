// Starts a role and stops it in order: on a signal, when its supervisor is gone, or when it fails to start.
import type { Logger } from "./logger.ts";
import { growHeapSlowly } from "./role-memory.ts";

/** Milliseconds a role may take to drain before it is ended the hard way. */
const DRAIN_MS = 25_000;

export type Stop = () => Promise<void>;

/** Without a word, as when the power fails: what fault tests arm. */
export function endAbruptly(): void {
  process.kill(process.pid, "SIGKILL");
}

/**
 * Runs `start`, tells a supervisor "ready", and calls the stop it returned once on SIGTERM, SIGINT or a lost
 * supervisor. Exit code 0 after a clean stop, 1 when the start failed or the drain took too long.
 */
export async function runRole(logger: Logger, start: () => Promise<Stop>): Promise<void> {
  growHeapSlowly();
  let stop: Stop = async () => {};
  let stopping = false;

  const shutdown = async (reason: string) => {
    if (stopping) process.exit(1);
    stopping = true;
    logger.info({ reason }, "stopping");
    setTimeout(() => {
      logger.error({ drainMs: DRAIN_MS }, "drain took too long, leaving the rest to recovery");
      process.exit(1);
    }, DRAIN_MS).unref();
    await stop();
    logger.info("stopped");
    process.exit(0);
  };
  const onFailure = (error: unknown) => {
    logger.fatal({ err: error }, "stop failed");
    process.exit(1);
  };

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => shutdown(signal).catch(onFailure));
  }
  process.on("disconnect", () => shutdown("supervisor gone").catch(onFailure));

  try {
    stop = await start();
  } catch (error) {
    logger.fatal({ err: error }, "start failed");
    process.exit(1);
  }
  process.send?.("ready");
}
