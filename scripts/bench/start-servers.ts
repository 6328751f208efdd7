// PostgreSQL with full durability, and Redis when asked for, in a temporary folder of their own.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import { migrateDatabase } from "../../migrations/migrate.ts";
import { findFreePort } from "../embedded-postgres/free-port.ts";
import { startEmbeddedPostgres } from "../embedded-postgres/start-embedded-postgres.ts";
import type { Pids } from "./count-costs.ts";

export type Servers = {
  /** As the owner. */
  databaseUrl: string;
  /** As the superuser, on the platform's database: past every policy. */
  admin: pg.Client;
  redisUrl: string | null;
  pids: Pids;
  folder: string;
  durability: Record<string, string>;
  /** Of every process on this database, as the environment names them. */
  secrets: { JWT_SECRETS: string; ENCRYPTION_KEYS: string };
};

/** What must be stopped and deleted is left to `cleanup`. */
export async function startServers(
  redisServer: string | null,
  cleanup: AsyncDisposableStack,
): Promise<Servers> {
  const folder = mkdtempSync(path.join(tmpdir(), "atelier-bench-"));
  chmodSync(folder, 0o711); // As root the server is another user, who has to pass through.
  cleanup.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: () => {} });
  cleanup.defer(async () => {
    await postgres.stop();
    // Out of reach of the server's user the files are elsewhere, in a folder of their own.
    const elsewhere = path.dirname(postgres.folder);
    if (elsewhere !== realpathSync(folder)) rmSync(elsewhere, { recursive: true, force: true });
  });
  await migrateDatabase({ databaseUrl: postgres.databaseUrl });
  const adminUrl = new URL(postgres.adminUrl);
  adminUrl.pathname = new URL(postgres.databaseUrl).pathname;
  const admin = new pg.Client({ connectionString: adminUrl.href });
  admin.on("error", () => {});
  await admin.connect();
  cleanup.defer(() => admin.end());
  const redis = redisServer === null ? null : await startRedis(redisServer, folder, cleanup);
  return {
    databaseUrl: postgres.databaseUrl,
    admin,
    redisUrl: redis?.url ?? null,
    pids: { postgres: postgres.pid, ...(redis && { redis: redis.pid }) },
    folder,
    durability: await readDurability(admin),
    secrets: { JWT_SECRETS: makeSecret(), ENCRYPTION_KEYS: makeSecret() },
  };
}

function makeSecret(): string {
  return `k1:${randomBytes(32).toString("base64url")}`;
}

async function startRedis(
  program: string,
  folder: string,
  cleanup: AsyncDisposableStack,
): Promise<{ url: string; pid: number }> {
  const port = await findFreePort();
  const options = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
  // The queue is a doorbell: PostgreSQL holds the truth, so Redis need not write to the disk.
  const child = spawn(program, [...options, "--save", "", "--maxmemory-policy", "noeviction"], {
    stdio: "ignore",
  });
  cleanup.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    await exit;
  });
  const client = new Redis(port, "127.0.0.1", { retryStrategy: (tries) => (tries < 100 ? 50 : null) });
  client.on("error", () => {});
  await client.ping();
  client.disconnect();
  return { url: `redis://127.0.0.1:${port}`, pid: child.pid ?? 0 };
}

/** Into the results, so that nobody has to believe it. */
async function readDurability(admin: pg.Client): Promise<Record<string, string>> {
  const { rows } = await admin.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings
     where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version')`,
  );
  return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
}
