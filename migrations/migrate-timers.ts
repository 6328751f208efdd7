// pg-boss's schema and queues, made by the owner so that the scheduler's role needs no DDL.

import { PgBoss } from "pg-boss";
import { TIMERS } from "#core/domain/timers.ts";

export async function migrateTimers(databaseUrl: string): Promise<void> {
  const boss = new PgBoss({
    connectionString: databaseUrl,
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
