// The owner's connection for commands that work for as long as it takes.
import pg from "pg";
import { OWNER_SESSION } from "../../core/domain/session-settings.ts";

/** The caller ends it. A connection that is cut tells the statement under way. */
export async function connectOwner(databaseUrl: string, name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: name, keepAlive: true });
  client.on("error", () => {});
  await client.connect();
  await client.query(OWNER_SESSION);
  return client;
}
