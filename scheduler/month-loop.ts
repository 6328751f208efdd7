// Makes the months' partitions that are missing at a start, and goes on until they are there. Rows that come before have the
// default partition, so nobody waits for it.
import { AppError } from "#core/domain/app-error.ts";
import type { Logger } from "#core/logger.ts";
import { type Loop, runLoop } from "./run-loop.ts";

/** The nightly timer does it as well, in whichever scheduler. */
const DAY_MS = 86_400_000;
const RETRY_MS = 60_000;
/** What only an operator can help. */
const REMIND_MS = 3_600_000;

/** Resolves when the first try is over, whether or not it did: an instance that was off for a year has its months then. */
export async function startMonthLoop(
  make: (signal: AbortSignal) => Promise<void>,
  logger: Logger,
  { retryMs = RETRY_MS }: { retryMs?: number } = {},
): Promise<Loop> {
  const tried = Promise.withResolvers<void>();
  const loop = runLoop({
    async run({ signal, rest }) {
      const restMs = await make(signal).then(
        () => DAY_MS,
        (error: unknown) => (tellFailure(logger, error) === "full" ? REMIND_MS : retryMs),
      );
      tried.resolve();
      await rest(restMs);
    },
    onError: (error) => logger.error({ err: error }, "partitions interrupted, trying again"),
    retryMs,
  });
  await tried.promise;
  return loop;
}

function tellFailure(logger: Logger, error: unknown): "full" | "other" {
  logger.error(
    { err: error },
    "months without a partition, trying again; their rows lie in the default partition",
  );
  return error instanceof AppError && error.code === "partitions_full" ? "full" : "other";
}
