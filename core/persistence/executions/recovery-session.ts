// A connection of its own that may hold the one recovery lock of the cluster.
import { type Database, type Executor, executorOf } from "../database.ts";
import { sql } from "../sql.ts";

export type LockSession = {
  executor: Executor;
  /** True while this session holds the lock; asking again does not take it twice. */
  acquire(): Promise<boolean>;
  close(): Promise<void>;
};

/** Two-integer advisory locks: BullMQ uses the one-integer space. */
export async function openLockSession(database: Database, name: string): Promise<LockSession> {
  const client = await database.connect(name);
  const executor = executorOf(client);
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
