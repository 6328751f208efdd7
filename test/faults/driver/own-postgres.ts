// A PostgreSQL server that a scenario may kill: durable as in earnest, restarted on its own data at the same address.
import { execFile } from "node:child_process";
import { chown, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { migrateDatabase } from "../../../migrations/migrate.ts";
import { startEmbeddedPostgres } from "../../../scripts/embedded-postgres/start-embedded-postgres.ts";
import { withDatabase } from "../../support/postgres-server.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

export type OwnPostgres = {
  databaseUrl: string;
  adminUrl: string;
  /** SIGKILL, or SIGQUIT for an immediate shutdown; then down for so long, then up again. */
  crash(signal: "SIGKILL" | "SIGQUIT", downMs: number, whileDown?: () => Promise<unknown>): Promise<void>;
  /** Takes a base backup as a replica begins with. What it resolves to puts it in the place of the data, while down. */
  backUp(): Promise<() => Promise<unknown>>;
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
    async crash(signal, downMs, whileDown) {
      const gone = new Promise<void>((resolve) => server.onExit(() => resolve()));
      process.kill(server.pid, signal);
      await gone;
      await Promise.all([delay(downMs), whileDown?.()]);
      server = await start();
      if (server.databaseUrl !== databaseUrl) throw new Error("the roles know PostgreSQL by another address");
    },
    backUp: () => backUp(adminUrl, server.folder),
    stop: () => server.stop(),
  };
}

async function backUp(adminUrl: string, folder: string): Promise<() => Promise<unknown>> {
  const copy = `${folder}-older`;
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query("select pg_backup_start('older', true)");
  // Files that go away meanwhile are none that a backup needs.
  await copyFolder(folder, copy).catch(() => {});
  const { rows } = await client.query("select labelfile from pg_backup_stop(false)");
  await client.end();
  // The write-ahead log up to here makes the copy whole.
  await copyFolder(path.join(folder, "pg_wal"), path.join(copy, "pg_wal"));
  const label = path.join(copy, "backup_label");
  await writeFile(label, String(rows[0]?.labelfile));
  const { uid, gid } = await stat(folder);
  await chown(label, uid, gid);
  await Promise.all(
    ["postmaster.pid", "postmaster.opts"].map((name) => rm(path.join(copy, name), { force: true })),
  );
  return async () => {
    for (const name of await readdir(folder)) await rm(path.join(folder, name), { recursive: true });
    await copyFolder(copy, folder);
    await rm(copy, { recursive: true });
  };
}

/** With its owners: as root the server is another user. */
async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await promisify(execFile)("cp", ["-a", `${from}/.`, to]);
}
