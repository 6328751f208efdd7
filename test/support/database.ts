// A migrated database of its own for a test file: cloned from the template in a fraction of a second.
import { randomBytes } from "node:crypto";
import path from "node:path";
import { Client } from "pg";
import { startTestServer, templateDatabase, withDatabase } from "./postgres-server.ts";

export type TestDatabase = {
  /** As the owner role `atelier`: no superuser, owns the tables. */
  databaseUrl: string;
  /** As the superuser, who is bound by no policy. */
  adminUrl: string;
  /** Closes what is still connected and deletes the database. */
  drop(): Promise<void>;
};

/** What a test context of node:test offers; given, the database goes when that test ends. */
type Cleanup = { after(callback: () => Promise<void>): void };

/**
 * `npm test` shares one server between all files. A file run alone (node --test x.test.ts) starts its own the first
 * time it asks, and it goes with the process.
 */
export async function createTestDatabase(t?: Cleanup): Promise<TestDatabase> {
  const server = await findServer();
  const name = databaseName();
  await asAdmin(server.adminUrl, `create database ${name} template ${templateDatabase} owner atelier`);
  const drop = () => asAdmin(server.adminUrl, `drop database if exists ${name} with (force)`);
  t?.after(drop);
  return {
    databaseUrl: withDatabase(server.ownerUrl, name),
    adminUrl: withDatabase(server.adminUrl, name),
    drop,
  };
}

type ServerUrls = { adminUrl: string; ownerUrl: string };

let ownServer: Promise<ServerUrls> | undefined;

function findServer(): Promise<ServerUrls> {
  const { TEST_POSTGRES_URL: adminUrl, TEST_POSTGRES_OWNER_URL: ownerUrl } = process.env;
  if (adminUrl && ownerUrl) return Promise.resolve({ adminUrl, ownerUrl });
  ownServer ??= startOwnServer();
  return ownServer;
}

async function startOwnServer(): Promise<ServerUrls> {
  const server = await startTestServer();
  server.unref();
  let stopped = false;
  process.once("beforeExit", async () => {
    await server.stop();
    stopped = true;
  });
  process.once("exit", () => {
    if (!stopped) server.stopNow();
  });
  return server;
}

/** At most 63 letters: which file it is, and what keeps two runs apart. */
function databaseName(): string {
  const file = path.basename(process.argv[1] ?? "test").replace(/\.test\.ts$/, "");
  return `t_${file
    .replace(/[^a-z0-9]+/gi, "_")
    .toLowerCase()
    .slice(0, 40)}_${randomBytes(5).toString("hex")}`;
}

async function asAdmin(adminUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
