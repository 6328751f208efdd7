// Patience while the database is away: it restarts in seconds, and what a worker has claimed is still its own.
import { setTimeout as delay } from "node:timers/promises";
import { AppError } from "#core/domain/app-error.ts";
import { isStatementTimeout } from "#core/persistence/translate-error.ts";

const RETRY_MS = 250;

export function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.code === "database_unavailable";
}

/**
 * Tries until the database answers. Rejects with what is not its absence, or with its absence once aborted. A statement
 * that is broken off for its length is tried `slowTries` times at most: that may be its own fault.
 */
export async function awaitDatabase<Result>(
  work: () => Promise<Result>,
  signal?: AbortSignal,
  slowTries = Number.POSITIVE_INFINITY,
): Promise<Result> {
  for (let slow = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error) || signal?.aborted) throw error;
      if (isStatementTimeout(error) && ++slow >= slowTries) throw error;
      await delay(RETRY_MS);
    }
  }
}
