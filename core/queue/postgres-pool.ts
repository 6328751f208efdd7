// The connections of BullMQ on PostgreSQL, which outlive being cut.
import pg from "pg";
import { SESSION_SETTINGS, startupOptions } from "../domain/session-settings.ts";

/** Until a connection is made, or one of the pool is free. */
const CONNECT_MS = 15_000;
const STATEMENT_MS = 30_000;
/** A little above: it only ends waits for a server that has vanished without a word. */
const ANSWER_MS = 35_000;

export type QueuePool = {
  databaseUrl: string;
  /** The run-time role the connections switch to. */
  role: string;
  max: number;
};

/**
 * A pool for one queue or worker. BullMQ's own listens to idle connections only: one that is cut while it is in hand, between
 * two statements of its scripts or right after it was made, ended the whole process, whichever execution it was about.
 */
export function openQueuePool({ databaseUrl, role, max }: QueuePool): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    // A ring that is lost with the server is rung again by the scheduler: its commit need not wait for the disk.
    options: startupOptions({ ...SESSION_SETTINGS, role, synchronous_commit: "off", search_path: "bullmq" }),
    max,
    // Nothing here may hang: who rings and looks for rings also takes back what dead workers held.
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    lock_timeout: STATEMENT_MS,
    idle_in_transaction_session_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // The statement under way tells its caller; BullMQ hears of idle ones.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/** Ends the pool with its user: BullMQ leaves one that it was given open. */
export function closeWithPool<User extends { close(force?: boolean): Promise<void> }>(
  user: User,
  pool: pg.Pool,
): User {
  const close = user.close.bind(user);
  user.close = async (force) => {
    try {
      await close(force);
    } finally {
      if (!pool.ending) await pool.end();
    }
  };
  return user;
}
