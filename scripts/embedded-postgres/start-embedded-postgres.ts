// The PostgreSQL server that comes with the npm packages: one call starts it, ready for the platform's use.
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { findBinaries } from "./binaries.ts";
import { ensureCluster } from "./create-cluster.ts";
import { launchServer } from "./launch-server.ts";
import { openDataDir } from "./open-data-dir.ts";
import { stopOrphanServer } from "./orphan-server.ts";
import { prepareDatabases, resetSuperuserPassword } from "./prepare-databases.ts";
import { placeDataFolder } from "./reachable-folder.ts";
import { readServerAccess, writeServerAccess } from "./server-access.ts";
import { chooseServerUser } from "./server-user.ts";

export type EmbeddedPostgresOptions = {
  /** Holds postgres/ (the cluster), postgres.json (port, passwords) and postgres.log. The caller holds its lock. */
  dataDir: string;
  /** Preferred; a kept or free one is taken when it is missing or busy. */
  port?: number;
  /** No durability: for tests only. */
  fast?: boolean;
  log: (line: string) => void;
};

export type EmbeddedPostgres = {
  /** As the role `atelier`: no superuser, may create roles, owns the database `atelier`. */
  databaseUrl: string;
  /** As the superuser, on the database `postgres`. */
  adminUrl: string;
  port: number;
  pid: number;
  /** Where the database files really are. */
  folder: string;
  /** Fast shutdown: open transactions are rolled back, everything committed is kept. */
  stop(): Promise<void>;
  /** Called once when the server ends without having been stopped, with the reason. */
  onExit(listener: (reason: string) => void): void;
  /** Lets this process end although the server runs. */
  unref(): void;
};

/** Throws AppError with a message for people: disk_full, data_dir_damaged, database_version, … */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { log } = options;
  const dataDir = openDataDir(options.dataDir);
  const place = path.join(dataDir, "postgres");
  const user = chooseServerUser(existsSync(place) ? place : null);
  const binaries = await findBinaries(user, log);
  const folder = await placeDataFolder(dataDir, user, log);
  const { access, fresh } = readServerAccess(dataDir, log);
  await stopOrphanServer(folder, log);
  const created = await ensureCluster({
    folder,
    user,
    binaries,
    superuserPassword: access.superuserPassword,
    log,
  });
  if (fresh && !created) await resetSuperuserPassword(binaries, folder, user, access.superuserPassword);
  const { child, port } = await launchServer({
    postgres: binaries.postgres,
    folder,
    user,
    fast: options.fast ?? false,
    logFile: path.join(dataDir, "postgres.log"),
    preferredPort: options.port ?? access.port ?? undefined,
    log,
  });
  const adminUrl = `postgresql://postgres:${access.superuserPassword}@127.0.0.1:${port}/postgres`;
  const control = controlServer(child);
  try {
    await prepareDatabases(adminUrl, access.ownerPassword, fresh);
    if (fresh || port !== access.port) writeServerAccess(dataDir, { ...access, port });
  } catch (error) {
    await control.stop();
    throw error;
  }
  const databaseUrl = `postgresql://atelier:${access.ownerPassword}@127.0.0.1:${port}/atelier`;
  return { databaseUrl, adminUrl, port, pid: child.pid ?? 0, folder, ...control };
}

function controlServer(child: ChildProcess): Pick<EmbeddedPostgres, "stop" | "onExit" | "unref"> {
  const listeners: ((reason: string) => void)[] = [];
  let reason: string | null = null;
  let stopping = false;
  const exited = new Promise<void>((resolve) => {
    const end = (code: number | null, signal: string | null) => {
      reason = signal === null ? `exit code ${code}` : `signal ${signal}`;
      resolve();
      if (!stopping) for (const listener of listeners) listener(reason);
    };
    if (child.exitCode !== null || child.signalCode !== null) end(child.exitCode, child.signalCode);
    else child.once("exit", end);
  });
  return {
    unref: () => child.unref(),
    async stop() {
      stopping = true;
      if (reason !== null) return;
      child.ref();
      child.kill("SIGINT");
      // Immediate shutdown only when the fast one hangs; the write-ahead log makes good what it skips.
      const harder = setTimeout(() => child.kill("SIGQUIT"), 30_000);
      const hardest = setTimeout(() => child.kill("SIGKILL"), 40_000);
      await exited;
      clearTimeout(harder);
      clearTimeout(hardest);
    },
    onExit(listener) {
      if (reason !== null && !stopping) listener(reason);
      else listeners.push(listener);
    },
  };
}
