// Starts the postmaster process in a session of its own and waits until it accepts connections.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../core/domain/app-error.ts";
import { findFreePort } from "./free-port.ts";
import { serverSettings } from "./server-settings.ts";
import type { ServerUser } from "./server-user.ts";

export type LaunchPlan = {
  postgres: string;
  folder: string;
  user: ServerUser;
  fast: boolean;
  logFile: string;
  preferredPort: number | undefined;
  log: (line: string) => void;
};

export type RunningServer = { child: ChildProcess; port: number };

const maxLogBytes = 20 * 1024 * 1024;
// After a kill -9 of the postmaster its backends need a moment to notice and let go of the shared memory.
const leftoverPatienceMs = 15_000;

/** Tries another port when the wanted one is taken. Throws `disk_full` or `database_start_failed`. */
export async function launchServer(plan: LaunchPlan): Promise<RunningServer> {
  const givenUpAt = Date.now() + leftoverPatienceMs;
  let preferred = plan.preferredPort;
  for (;;) {
    const port = await findFreePort(preferred);
    const outcome = await launchOnce(plan, port);
    if (typeof outcome !== "string") return { child: outcome, port };
    const leftover = /pre-existing shared memory|lock file .* already exists/i.test(outcome);
    const portTaken = /address already in use/i.test(outcome);
    if (!(leftover || portTaken) || Date.now() > givenUpAt) throw startFailed(outcome, plan);
    preferred = portTaken ? undefined : port;
    await sleep(200);
  }
}

/** The process once it is ready, or what it wrote before it ended. */
async function launchOnce(plan: LaunchPlan, port: number): Promise<ChildProcess | string> {
  if (existsSync(plan.logFile) && statSync(plan.logFile).size > maxLogBytes) {
    renameSync(plan.logFile, `${plan.logFile}.1`);
  }
  // A file and not a pipe: the server must be able to go on writing when the supervisor is gone.
  const logHandle = openSync(plan.logFile, "a", 0o600);
  const before = statSync(plan.logFile).size;
  const child = spawn(plan.postgres, ["-D", plan.folder, "-p", String(port), ...serverSettings(plan.fast)], {
    cwd: "/",
    env: { LC_ALL: "C", TZ: "UTC" }, // None of our secrets, and no PG* variable of the person's shell.
    detached: true,
    stdio: ["ignore", logHandle, logHandle],
    ...plan.user,
  });
  closeSync(logHandle);
  let failure: string | null = null;
  child.once("error", (error) => (failure = error.message));
  const noteEnd = () => {
    failure ??= readTail(plan.logFile, before);
  };
  child.once("exit", noteEnd);
  const startedAt = Date.now();
  for (let nextNotice = 10_000; !isReady(plan.folder, child.pid); await sleep(15)) {
    if (failure !== null) return failure;
    if (Date.now() - startedAt < nextNotice) continue;
    plan.log(`The database is still starting (after a crash it first replays its log); see ${plan.logFile}`);
    nextNotice += 10_000;
  }
  child.off("exit", noteEnd);
  return child;
}

function readTail(file: string, from: number): string {
  try {
    return readFileSync(file).subarray(from).toString();
  } catch (error) {
    return `its log could not be read: ${(error as Error).message}`;
  }
}

/** The postmaster writes its state into the eighth line of its pid file; pg_ctl waits for the same word. */
function isReady(folder: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(path.join(folder, "postmaster.pid"), "utf8").split("\n");
    return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
  } catch {
    return false;
  }
}

function startFailed(output: string, plan: LaunchPlan): AppError {
  if (/no space left on device/i.test(output)) {
    return new AppError(
      "disk_full",
      `The disk that holds ${plan.folder} is full, so the database cannot start. Free some space and start again. Nothing was lost.`,
    );
  }
  const lines = output.trim().split("\n").slice(-8).join("\n");
  return new AppError(
    "database_start_failed",
    `The database did not start:\n${lines}\nIts log is ${plan.logFile}`,
  );
}
