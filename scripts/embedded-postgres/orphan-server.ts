// Stops a database server that a killed supervisor left behind, and clears the pid file of one that is gone.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../../core/domain/app-error.ts";
import { isAlive, processIdentity } from "./process-identity.ts";

/** Only the postmaster of this very data directory is touched: the number in its pid file may be another's by now. */
export async function stopOrphanServer(folder: string, log: (line: string) => void): Promise<void> {
  const pidFile = path.join(folder, "postmaster.pid");
  if (!existsSync(pidFile)) return;
  const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
  if (Number.isInteger(pid) && !isAlive(pid)) return; // PostgreSQL sees that by itself.
  if (!Number.isInteger(pid) || !isPostmasterOf(pid, folder)) {
    // PostgreSQL would refuse to start while any process of its user has that number. Should backends still
    // be at work, it sees them by their shared memory, with or without this file.
    rmSync(pidFile, { force: true });
    return;
  }
  log(`A database server (pid ${pid}) is left over from a start that was killed; stopping it`);
  // Fast shutdown, then immediate: the write-ahead log repairs what the second one leaves.
  for (const [signal, seconds] of [["SIGINT", 20] as const, ["SIGQUIT", 10] as const]) {
    process.kill(pid, signal);
    if (await ended(pid, seconds)) return;
  }
  throw new AppError(
    "database_left_over",
    `The database server with pid ${pid} on ${folder} does not stop. Stop it and start again.`,
  );
}

function isPostmasterOf(pid: number, folder: string): boolean {
  if (processIdentity(pid) === null) return false;
  if (process.platform === "linux") {
    try {
      // A postmaster works in its data directory.
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(folder);
    } catch {
      return false;
    }
  }
  const ps = spawnSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  return ps.stdout.includes("postgres") && ps.stdout.includes(`-D ${folder} `);
}

async function ended(pid: number, seconds: number): Promise<boolean> {
  const deadline = Date.now() + seconds * 1000;
  while (Date.now() < deadline) {
    if (processIdentity(pid) === null) return true;
    await sleep(20);
  }
  return false;
}
