// One api, one worker and one scheduler, as in production: processes of their own, logs into files.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { ROLE_FLAGS } from "../../core/role-memory.ts";
import { findFreePort } from "../embedded-postgres/free-port.ts";
import type { Servers } from "./start-servers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const drainMs = 10_000;

export type RunningRoles = {
  url: string;
  pids: Record<"api" | "worker" | "scheduler", number>;
  /** Resolves when it is ready; stopped with the others. */
  addWorker(): Promise<unknown>;
};

export async function startRoles(
  servers: Servers,
  cpuProfiles: string | null,
  cleanup: AsyncDisposableStack,
  extra: Readonly<Record<string, string>> = {},
): Promise<RunningRoles> {
  const environment = { ...(await makeEnvironment(servers)), ...extra };
  const profiled = cpuProfiles === null ? [] : ["--cpu-prof", "--cpu-prof-dir", path.resolve(cpuProfiles)];
  const start = (role: string, name = role) =>
    startProcess(
      { name, program: [...ROLE_FLAGS, `${role}/main.ts`], flags: profiled, env: environment },
      servers,
      cleanup,
    );
  const [api, worker, scheduler] = await Promise.all(
    ["api", "worker", "scheduler"].map((role) => start(role)),
  );
  const pid = (child: ChildProcess | undefined) => child?.pid ?? 0;
  const pids = { api: pid(api), worker: pid(worker), scheduler: pid(scheduler) };
  return { url: urlOf(environment), pids, addWorker: () => start("worker", "second-worker") };
}

/** With a port of its own. */
export async function makeEnvironment(servers: Servers): Promise<BenchEnvironment> {
  return {
    PATH: process.env.PATH,
    HOST: "127.0.0.1",
    PORT: String(await findFreePort()),
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl ?? "",
    ...servers.secrets,
  };
}

export type BenchEnvironment = NodeJS.ProcessEnv & { PORT: string };

export function urlOf({ PORT }: BenchEnvironment): string {
  return `http://127.0.0.1:${PORT}`;
}

export type Program = {
  name: string;
  /** The file, and what it is told. */
  program: readonly string[];
  flags?: readonly string[];
  env: NodeJS.ProcessEnv;
};

/** Resolves when it says that it is ready. */
export async function startProcess(
  { name, program, flags = [], env }: Program,
  { folder }: Servers,
  cleanup: AsyncDisposableStack,
): Promise<ChildProcess> {
  const logFile = path.join(folder, `${name}.log`);
  const log = openSync(logFile, "a");
  const named = flags.length === 0 ? [] : [...flags, "--cpu-prof-name", `${name}-${process.pid}.cpuprofile`];
  const child = spawn(process.execPath, [...named, ...program], {
    cwd: root,
    env,
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  cleanup.defer(() => stopProcess(child));
  const ready = once(child, "message");
  const ended = once(child, "exit").then(() => {
    throw new Error(`the ${name} ended:\n${readFileSync(logFile, "utf8").slice(-4_000)}`);
  });
  ended.catch(() => {});
  await Promise.race([ready, ended]);
  return child;
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const hardly = setTimeout(() => child.kill("SIGKILL"), drainMs);
  await exit;
  clearTimeout(hardly);
}
