// One throw-away PostgreSQL server for a test run, with a migrated template database to clone from.
import { chmodSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import path from "node:path";
import { Client } from "pg";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { stopOrphanServer } from "../../scripts/embedded-postgres/orphan-server.ts";
import { isAlive } from "../../scripts/embedded-postgres/process-identity.ts";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { chooseServerPlace, SERVER_PLACES } from "./server-place.ts";

export const templateDatabase = "atelier_template";

export type TestServer = {
  /** Superuser, on the database `postgres`. */
  adminUrl: string;
  /** The owner role `atelier`, no superuser; its database is of no interest. */
  ownerUrl: string;
  /** Stops the server and deletes its files. */
  stop(): Promise<void>;
  /** For the very end of a process, where nothing can be awaited. */
  stopNow(): void;
  /** Lets the process end although the server runs. */
  unref(): void;
};

const prefix = "atelier-test-";

/** Unsafe against power cuts and therefore quick; everything goes into a temporary folder, in memory if it can be. */
export async function startTestServer(log: (line: string) => void = () => {}): Promise<TestServer> {
  await removeAbandoned();
  const dataDir = mkdtempSync(path.join(chooseServerPlace(), `${prefix}${process.pid}-`));
  chmodSync(dataDir, 0o711); // As root the server is another user, who has to pass through.
  const server = await startEmbeddedPostgres({ dataDir, fast: true, log });
  const remove = () => removeFiles(dataDir, server.folder);
  try {
    await makeTemplate(server);
  } catch (error) {
    await server.stop();
    remove();
    throw error;
  }
  return {
    adminUrl: server.adminUrl,
    ownerUrl: server.databaseUrl,
    unref: server.unref,
    async stop() {
      await server.stop();
      remove();
    },
    stopNow() {
      if (isAlive(server.pid)) process.kill(server.pid, "SIGQUIT");
      remove();
    },
  };
}

async function makeTemplate({ adminUrl, databaseUrl }: EmbeddedPostgres): Promise<void> {
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    await admin.query(`create database ${templateDatabase} owner atelier`);
    await migrateDatabase({ databaseUrl: withDatabase(databaseUrl, templateDatabase), log: () => {} });
    // A single connection to it would make every clone fail.
    await admin.query(`alter database ${templateDatabase} with is_template true allow_connections false`);
  } finally {
    await admin.end();
  }
}

/** The same server, role and password, another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.toString();
}

/** Test runs that were killed leave a server and its files behind; the process number is in the folder's name. */
async function removeAbandoned(): Promise<void> {
  const folders = SERVER_PLACES.filter((place) => existsSync(place)).flatMap((place) =>
    readdirSync(place).map((name) => path.join(place, name)),
  );
  for (const dataDir of folders) {
    const pid = Number(new RegExp(`^${prefix}(\\d+)-`).exec(path.basename(dataDir))?.[1]);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    try {
      const folder = realpathSync(path.join(dataDir, "postgres"));
      await stopOrphanServer(folder, () => {});
      removeFiles(dataDir, folder);
    } catch {
      // Another user's, or being removed by another run at this moment.
    }
  }
}

/** Out of reach of the server's user the database files are elsewhere, in a folder of their own. */
function removeFiles(dataDir: string, folder: string): void {
  const elsewhere = path.dirname(folder);
  const places = elsewhere === realpathSync(dataDir) ? [dataDir] : [elsewhere, dataDir];
  for (const place of places) rmSync(place, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
