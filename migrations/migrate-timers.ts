// pg-boss's schema and queues, made by the owner so that the scheduler's role needs no DDL.

import { PgBoss } from "pg-boss";
import { SESSION_SETTINGS, startupOptions } from "#core/domain/session-settings.ts";
import { TIMERS } from "#core/domain/timers.ts";

export async function migrateTimers(databaseUrl: string): Promise<void> {
  const boss = new PgBoss({
    connectionString: databaseUrl,
    options: startupOptions({ ...SESSION_SETTINGS, statement_timeout: "0" }),
    schema: "pgboss",
    supervise: false,
    schedule: false,
  });
  boss.on("error", () => {});
  await boss.start();
  try {
    for (const name of Object.keys(TIMERS)) await boss.createQueue(name);
  } finally {
    await boss.stop({ graceful: false });
  }
}
