// The owner's connection for commands that work for as long as it takes.
import pg from "pg";
import { SESSION_SETTINGS, startupOptions } from "../../core/domain/session-settings.ts";

/** The caller ends it. A connection that is cut tells the statement under way. */
export async function connectOwner(databaseUrl: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    options: startupOptions({ ...SESSION_SETTINGS, statement_timeout: "0" }),
    application_name: name,
    keepAlive: true,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}
