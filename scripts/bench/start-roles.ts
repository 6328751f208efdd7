// One api, one worker and one scheduler, as in production: processes of their own, logs into files.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../embedded-postgres/free-port.ts";
import type { Servers } from "./start-servers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const drainMs = 10_000;

export async function startRoles(
  servers: Servers,
  cpuProfiles: string | null,
  cleanup: AsyncDisposableStack,
  extra: Readonly<Record<string, string>> = {},
): Promise<{ url: string; apiPid: number }> {
  const port = await findFreePort();
  const secret = () => `k1:${randomBytes(32).toString("base64url")}`;
  const environment = {
    PATH: process.env.PATH,
    HOST: "127.0.0.1",
    PORT: String(port),
    DATABASE_URL: servers.databaseUrl,
    REDIS_URL: servers.redisUrl ?? "",
    JWT_SECRETS: secret(),
    ENCRYPTION_KEYS: secret(),
    ...extra,
  };
  const flags = cpuProfiles === null ? [] : ["--cpu-prof", "--cpu-prof-dir", path.resolve(cpuProfiles)];
  const start = (role: string) => startRole(role, flags, environment, servers.folder, cleanup);
  const [api] = await Promise.all(["api", "worker", "scheduler"].map(start));
  return { url: `http://127.0.0.1:${port}`, apiPid: api?.pid ?? 0 };
}

async function startRole(
  role: string,
  flags: readonly string[],
  env: NodeJS.ProcessEnv,
  folder: string,
  cleanup: AsyncDisposableStack,
): Promise<ChildProcess> {
  const logFile = path.join(folder, `${role}.log`);
  const log = openSync(logFile, "a");
  const named = flags.length === 0 ? [] : [...flags, "--cpu-prof-name", `${role}-${process.pid}.cpuprofile`];
  const child = spawn(process.execPath, [...named, `${role}/main.ts`], {
    cwd: root,
    env,
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  cleanup.defer(() => stopRole(child));
  const ready = once(child, "message");
  const ended = once(child, "exit").then(() => {
    throw new Error(`the ${role} ended:\n${readFileSync(logFile, "utf8").slice(-4_000)}`);
  });
  ended.catch(() => {});
  await Promise.race([ready, ended]);
  return child;
}

async function stopRole(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  const hardly = setTimeout(() => child.kill("SIGKILL"), drainMs);
  await exit;
  clearTimeout(hardly);
}
