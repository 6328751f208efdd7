// Waiting for locks without making others wait: a lock that is asked for lets nobody past who comes later.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { AppError } from "#core/domain/app-error.ts";

/**
 * Longer than the server waits before it looks for deadlocks, which is when an autovacuum makes room (1.5 s in all, by
 * default). A worker's lease lives 8 s and a statement of a role waits 10 s for a lock: neither notices.
 */
const SET_TIMEOUT = `select set_config('lock_timeout', (setting::int + 500)::text, false)
  from pg_settings where name = 'deadlock_timeout'`;

export type Patience = { tries: number; pauseMs: number };

/** Longer than a role's statement may take (30 s); what lasts on is a backup or somebody's own session. */
export const PATIENCE: Patience = { tries: 20, pauseMs: 3_000 };

export type LockWait = { client: pg.Client; patience: Patience; tell(line: string): void };

// lock_not_available, deadlock_detected
const CODES = new Set(["55P03", "40P01"]);

/**
 * Runs `work`, which is undone as a whole when it fails, again when somebody held what it needs. Throws
 * `migration_blocked`.
 */
export async function retryLocked<Result>(
  { client, patience: { tries, pauseMs }, tell }: LockWait,
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query(SET_TIMEOUT);
  try {
    for (let left = tries; ; left -= 1) {
      try {
        return await work();
      } catch (error) {
        await client.query("rollback").catch(() => {});
        if (!isLocked(error)) throw error;
        if (left <= 1) throw blocked(tries, error);
        tell(
          `Others hold what the migration must lock; trying again in ${pauseMs / 1_000} s, at most ${left - 1} times`,
        );
        await sleep(pauseMs);
      }
    }
  } finally {
    await client.query("reset lock_timeout").catch(() => {});
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && "code" in error && CODES.has(String(error.code));
}

function blocked(tries: number, cause: unknown): AppError {
  const detail =
    `A migration found what it must change locked by others, ${tries} times over: a backup, an autovacuum to prevent wraparound, or a session that was left ` +
    "open (pg_stat_activity tells, oldest xact_start first). What was applied before stays, this one is undone whole; " +
    "migrate again when they have ended";
  return new AppError("migration_blocked", detail, { cause });
}
