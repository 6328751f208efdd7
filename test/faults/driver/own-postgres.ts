// A PostgreSQL server that a scenario may kill: durable as in earnest, restarted on its own data at the same address.
import { migrateDatabase } from "../../../migrations/migrate.ts";
import { startEmbeddedPostgres } from "../../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { withDatabase } from "../../support/postgres-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

export type OwnPostgres = {
  databaseUrl: string;
  adminUrl: string;
  /** SIGKILL, or SIGQUIT for an immediate shutdown; then down for so long, then up again. */
  crash(signal: "SIGKILL" | "SIGQUIT", downMs: number): Promise<void>;
  stop(): Promise<void>;
};

export async function startOwnPostgres(t: {
  after(callback: () => void | Promise<void>): void;
}): Promise<OwnPostgres> {
  const dataDir = temporaryFolder(t);
  const start = () => startEmbeddedPostgres({ dataDir, log: () => {} });
  let server = await start();
  const { databaseUrl, adminUrl } = server;
  await migrateDatabase({ databaseUrl, log: () => {} });
  return {
    databaseUrl,
    adminUrl: withDatabase(adminUrl, new URL(databaseUrl).pathname.slice(1)),
    async crash(signal, downMs) {
      const gone = new Promise<void>((resolve) => server.onExit(() => resolve()));
      process.kill(server.pid, signal);
      await gone;
      await new Promise((resolve) => setTimeout(resolve, downMs));
      server = await start();
      if (server.databaseUrl !== databaseUrl) throw new Error("the roles know PostgreSQL by another address");
    },
    stop: () => server.stop(),
  };
}
