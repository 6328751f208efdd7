// Durable timers over pg-boss: named jobs at fixed times, done by one scheduler however many there are.
import { PgBoss } from "pg-boss";
import { SESSION_SETTINGS, startupOptions } from "../domain/session-settings.ts";
import { TIMERS, type TimerName } from "../domain/timers.ts";

/** `signal` aborts at the stop: a handler that takes long ends where it can go on the next time. */
export type TimerHandlers = Readonly<Record<TimerName, (signal: AbortSignal) => Promise<void>>>;

export type ScheduleQueue = {
  /** Starts working the timers. A run that was missed while nobody was up is made up for once. */
  start(handlers: TimerHandlers): Promise<void>;
  /** Tells handlers under way to come to an end, and waits for them. */
  close(): Promise<void>;
};

const STOP_MS = 10_000;

/** The schema and its queues belong to the owner; `role` only works them. */
export function createScheduleQueue(options: {
  databaseUrl: string;
  role: string;
  onError: (error: Error) => void;
}): ScheduleQueue {
  const boss = new PgBoss({
    connectionString: options.databaseUrl,
    options: startupOptions({ ...SESSION_SETTINGS, role: options.role, statement_timeout: "30000" }),
    schema: "pgboss",
    migrate: false,
    createSchema: false,
    max: 3,
  });
  boss.on("error", options.onError);
  const stopping = new AbortController();

  return {
    async start(handlers) {
      await boss.start();
      for (const [name, cron] of Object.entries(TIMERS)) {
        await boss.work(name, () => handlers[name as TimerName](stopping.signal));
        await boss.schedule(name, cron, null, { missed: "once" });
      }
    },
    async close() {
      stopping.abort();
      await boss.stop({ graceful: true, timeout: STOP_MS });
    },
  };
}
