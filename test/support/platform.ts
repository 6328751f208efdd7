// The real thing for tests: api, workers and scheduler as processes of their own, to be killed at will.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { v7 as uuidv7 } from "uuid";
import { ROLE_FLAGS } from "../../core/role-memory.ts";
import { childEnvironment } from "./child-environment.ts";
import { endWithProcess } from "./end-with-process.ts";
import { findFreePort } from "./free-port.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SECRET = "0123456789abcdef0123456789abcdef";

export type RoleName = "api" | "worker" | "scheduler";

export type RoleProcess = {
  role: RoleName;
  id: string;
  pid: number;
  /** Log lines so far, for a failed assertion's message. */
  log: string[];
  /** SIGKILL by default; resolves when the process is gone, with its exit code. */
  kill(signal?: NodeJS.Signals): Promise<number | null>;
  /** Resolves when the process is gone, by whatever cause. */
  ended: Promise<void>;
};

export type Platform = {
  url: string;
  start(role: RoleName, environment?: Readonly<Record<string, string>>): Promise<RoleProcess>;
  /** Those that live now. */
  processes(): readonly RoleProcess[];
  close(): Promise<void>;
};

/** Nothing runs yet: start the roles the test needs. The api keeps its port over restarts. */
export async function createPlatform(environment: Readonly<Record<string, string>>): Promise<Platform> {
  const port = await findFreePort();
  const running = new Set<RoleProcess>();
  const shared = {
    ...childEnvironment(),
    HOST: "127.0.0.1",
    PORT: String(port),
    JWT_SECRETS: `test:${SECRET}`,
    ENCRYPTION_KEYS: `test:${SECRET}`,
    LOG_LEVEL: "info",
    ...environment,
  };

  const start = async (
    role: RoleName,
    extra: Readonly<Record<string, string>> = {},
  ): Promise<RoleProcess> => {
    const id = uuidv7();
    const env = { ...shared, WORKER_ID: id, ...extra };
    const child = endWithProcess(
      spawn(process.execPath, [...ROLE_FLAGS, `${role}/main.ts`], {
        cwd: ROOT,
        env,
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      }),
    );
    const log: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => log.push(chunk.toString()));
    }
    const started: RoleProcess = {
      role,
      id,
      pid: child.pid ?? 0,
      log,
      kill: (signal = "SIGKILL") => endProcess(child, signal),
      ended: once(child, "exit").then(() => {}),
    };
    running.add(started);
    child.once("exit", () => running.delete(started));
    await untilReady(child, role, log);
    return started;
  };

  return {
    url: `http://127.0.0.1:${port}`,
    start,
    processes: () => [...running],
    async close() {
      await Promise.all([...running].map((process) => process.kill()));
    },
  };
}

async function untilReady(child: ChildProcess, role: string, log: readonly string[]): Promise<void> {
  const ready = once(child, "message");
  const ended = once(child, "exit").then(() => {
    throw new Error(`${role} ended before it was ready:\n${log.join("")}`);
  });
  await Promise.race([ready, ended]);
  ended.catch(() => {});
}

async function endProcess(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
  return child.exitCode;
}
