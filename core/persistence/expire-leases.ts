// For a supervisor that saw its worker die: one connection, one statement.
import { createDatabase } from "./database.ts";
import { endLeases } from "./executions/leases.ts";

/** Ends the leases of a dead worker; its executions are queued again within the reaper's 2 s. */
export async function expireLeases(options: { databaseUrl: string; workerId: string }): Promise<number> {
  const database = createDatabase({
    databaseUrl: options.databaseUrl,
    role: "atelier_scheduler",
    maxConnections: 1,
  });
  try {
    return await endLeases(database, options.workerId);
  } finally {
    await database.close();
  }
}
