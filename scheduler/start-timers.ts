// pg-boss: durable timers. Its schema and queues are the owner's; this role only works them.
import { PgBoss } from "pg-boss";
import type { Logger } from "#core/logger.ts";

/** What the timers do, by queue name. */
export type TimerHandlers = { "maintain-partitions": () => Promise<void> };

const CRONS: Readonly<Record<keyof TimerHandlers, string>> = { "maintain-partitions": "17 3 * * *" };

export type Timers = { stop(): Promise<void> };

export async function startTimers(
  databaseUrl: string,
  handlers: TimerHandlers,
  logger: Logger,
): Promise<Timers> {
  const boss = new PgBoss({
    connectionString: databaseUrl,
    options: "-c role=atelier_scheduler",
    schema: "pgboss",
    migrate: false,
    createSchema: false,
    max: 3,
  });
  boss.on("error", (error) => logger.warn({ err: error }, "timers interrupted"));
  await boss.start();
  for (const [queue, handler] of Object.entries(handlers)) {
    await boss.work(queue, handler);
    await boss.schedule(queue, CRONS[queue as keyof TimerHandlers], null, { missed: "once" });
  }
  return { stop: () => boss.stop({ graceful: true, timeout: 10_000 }) };
}
