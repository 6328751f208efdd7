// Brings the whole platform up in order, keeps it up, and takes it down in the opposite order.
import { realpathSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../core/domain/app-error.ts";
import { findFreePort, probePort } from "../embedded-postgres/free-port.ts";
import { openDataDir } from "../embedded-postgres/open-data-dir.ts";
import { keepAddress } from "../installation/keep-address.ts";
import { type Keys, keepKeys } from "../installation/keep-keys.ts";
import type { SampleService } from "../sample-service.ts";
import { type KeptDatabase, keepDatabase } from "./keep-database.ts";
import { keepSampleService } from "./keep-sample-service.ts";
import { type DataDirLock, lockDataDir } from "./lock-data-dir.ts";
import { roleEnvironment } from "./role-environment.ts";
import { createRoleProcess, type RoleCommand, type RoleProcess } from "./role-process.ts";
import type { StartSettings } from "./start-settings.ts";

// The api of a supervisor that was killed lets go of its port once it notices.
const leftoverPatienceMs = 10_000;

export type SupervisorOptions = {
  settings: StartSettings;
  env: NodeJS.ProcessEnv;
  roles: readonly RoleCommand[];
  /** Where the roles' commands are run. */
  cwd: string;
  migrate: (options: { databaseUrl: string; log: (line: string) => void }) => Promise<void>;
  expireLeases: (options: { databaseUrl: string; workerId: string }) => Promise<unknown>;
  /** Before the api, which reads the page once. Never rejects: the platform works without its web pages. */
  buildStudio?: () => Promise<unknown>;
  log: (line: string) => void;
  /** How long roles may finish what they are doing after SIGTERM. */
  drainMs?: number;
};

/** What is up so far; teardown looks here, wherever the start got to. */
type Running = {
  port: number;
  keys: Keys | null;
  databaseUrl: () => string;
  database: KeptDatabase | null;
  sample: SampleService | null;
  roles: RoleProcess[];
  lock: DataDirLock | null;
};

export type Supervisor = {
  /** Resolves when every role is ready, and also when stop() was called before that. Throws AppError. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Ends waiting for roles that drain. */
  hurry(): void;
};

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { settings, log } = options;
  const stopAsked = Promise.withResolvers<void>();
  let stopping = false;
  let starting: Promise<void> = Promise.resolve();
  const running: Running = {
    port: settings.port,
    keys: null,
    databaseUrl: () => settings.databaseUrl ?? "",
    database: null,
    sample: null,
    roles: [],
    lock: null,
  };

  const bringUp = async () => {
    const startedAt = Date.now();
    const embedded = settings.databaseUrl === null;
    const steps = [
      ...(embedded ? [async () => openOwnData(options, running)] : []),
      async () => {
        running.port = await claimPort(settings, running.lock?.takenOver ? leftoverPatienceMs : 0);
        if (embedded) keepAddress(settings.dataDir, addressOf(options, running));
      },
      ...(embedded ? [() => startOwnDatabase(options, running)] : []),
      () => options.migrate({ databaseUrl: running.databaseUrl(), log }),
      async () => options.buildStudio?.(),
      async () => startRoles(options, running),
    ];
    for (const step of steps) {
      await step();
      if (stopping) return;
    }
    const allReady = Promise.all(running.roles.map((role) => role.ready)).then(() =>
      announce(options, running, startedAt),
    );
    const notice = setInterval(() => tellWhoIsMissing(options, running), 15_000);
    await Promise.race([allReady, stopAsked.promise]);
    clearInterval(notice);
  };

  const takeDown = async () => {
    await Promise.all(running.roles.map((role) => role.stop(options.drainMs ?? 25_000)));
    await running.sample?.stop();
    await running.database?.stop();
    running.lock?.release();
  };

  return {
    async start() {
      starting = bringUp();
      try {
        await starting;
      } catch (error) {
        if (!stopping) await takeDown();
        throw error;
      }
    },
    async stop() {
      stopping = true;
      stopAsked.resolve();
      await starting.catch(() => {});
      await takeDown();
    },
    hurry() {
      for (const role of running.roles) role.kill();
    },
  };
}

/** The lock comes before the port: two starts at once shall hear of each other, not of a busy port. */
function openOwnData({ settings, env, log }: SupervisorOptions, running: Running): void {
  const dataDir = openDataDir(settings.dataDir);
  running.lock = lockDataDir(dataDir, log);
  running.keys = keepKeys(dataDir, env, log);
}

async function startOwnDatabase({ settings, log }: SupervisorOptions, running: Running): Promise<void> {
  const { dataDir } = settings;
  const database = await keepDatabase({
    dataDir,
    log,
    onMoved: () => {
      for (const role of running.roles) role.recycle();
    },
  });
  running.database = database;
  running.databaseUrl = database.databaseUrl;
  running.sample = await keepSampleService(dataDir, log);
}

function startRoles(options: SupervisorOptions, running: Running): void {
  const { settings, env, cwd, log, expireLeases } = options;
  running.roles = options.roles.map((role) =>
    createRoleProcess({
      role,
      cwd,
      log,
      environment: () =>
        roleEnvironment(role.name, env, {
          host: settings.host,
          port: running.port,
          dataDir: settings.dataDir,
          databaseUrl: running.databaseUrl(),
          keys: running.keys,
          sampleUrl: running.sample?.url ?? null,
        }),
      onDeath: (workerId) => {
        if (role.name !== "worker") return;
        // Only makes it quicker: without it the leases run out by themselves within 8 s.
        expireLeases({ databaseUrl: running.databaseUrl(), workerId }).catch((error: Error) => {
          log(
            `The dead worker's leases could not be ended at once (${error.message}); they run out by themselves`,
          );
        });
      },
    }),
  );
  for (const role of running.roles) role.start();
}

/** Early, before anything is set up: the api role would only find out at the very end. */
async function claimPort({ host, port }: StartSettings, patienceMs: number): Promise<number> {
  if (port === 0) return findFreePort(undefined, host);
  const givenUpAt = Date.now() + patienceMs;
  let fault = await probePort(port, host);
  for (; fault === "EADDRINUSE" && Date.now() < givenUpAt; fault = await probePort(port, host))
    await sleep(100);
  if (fault === null) return port;
  const reasons: Record<string, string> = {
    EADDRINUSE: `Port ${port} on ${host} is in use by another program. Set PORT to a free one, for example PORT=${port + 1} npm start.`,
    EACCES: `This user may not listen on port ${port}. Set PORT to one above 1023.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Set HOST to one of its addresses, for example 127.0.0.1 or 0.0.0.0.`,
  };
  throw new AppError(
    "port_unavailable",
    reasons[fault] ?? `Cannot listen on ${host}:${port} (${fault}). Change HOST or PORT.`,
  );
}

function announce({ settings, log }: SupervisorOptions, running: Running, startedAt: number): void {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  const data = running.database === null ? "the PostgreSQL of DATABASE_URL" : settings.dataDir;
  const elsewhere =
    running.database?.folder.startsWith(realpathSync(settings.dataDir)) === false
      ? `, database files in ${running.database.folder}`
      : "";
  log(
    `\nAtelier is ready at http://${host}:${running.port}  (API docs at /docs, queues at /queues)\n` +
      `  data     ${data}${elsewhere}\n` +
      `  started  in ${seconds} s; Ctrl-C stops it and keeps everything\n`,
  );
}

/** Where people reach it: for links that commands make. */
function addressOf({ settings, env }: SupervisorOptions, { port }: Running): string {
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  return env.PUBLIC_URL || `http://${host}:${port}`;
}

function tellWhoIsMissing({ roles, log }: SupervisorOptions, running: Running): void {
  const missing = roles.filter((_, index) => !running.roles[index]?.isReady()).map((role) => role.name);
  log(`Still waiting for: ${missing.join(", ")}`);
}
