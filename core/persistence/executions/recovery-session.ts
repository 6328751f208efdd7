// A connection of its own that may hold the one recovery lock of the cluster.
import { type Database, type Executor, executorOf } from "../database.ts";
import { sql } from "../sql.ts";

export type LockSession = {
  executor: Executor;
  /** True while this session holds the lock; asking again does not take it twice. */
  acquire(): Promise<boolean>;
  close(): Promise<void>;
};

/**
 * Two-integer advisory locks: BullMQ uses the one-integer space. PostgreSQL ends a session that has sent nothing for
 * `silentMs`, and its lock is free: a holder that is stopped, hangs or lost its host keeps nobody from the work.
 */
export async function openLockSession(
  database: Database,
  name: string,
  { silentMs }: { silentMs: number },
): Promise<LockSession> {
  const client = await database.connect(name);
  const executor = executorOf(client);
  await executor.run(sql`select set_config('idle_session_timeout', ${`${silentMs}ms`}, false)`);
  let held = false;
  return {
    executor,
    async acquire() {
      if (held) return true;
      const row = await executor.one<{ held: boolean }>(
        sql`select pg_try_advisory_lock(hashtext('atelier'), hashtext(${name})) held`,
      );
      held = row?.held ?? false;
      return held;
    },
    close: () => client.end(),
  };
}
