// Lets one supervisor at a time use a DATA_DIR; the lock of one that was killed is recognised and taken over.
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AppError } from "../../core/domain/app-error.ts";
import { processIdentity } from "../embedded-postgres/process-identity.ts";

type Holder = { pid: number; identity: string | null };

export type DataDirLock = {
  release(): void;
  /** The holder before us was killed, so its roles may still be on their way out. */
  takenOver: boolean;
};

/** Throws `data_dir_in_use` naming the process that holds it. */
export function lockDataDir(dataDir: string, log: (line: string) => void): DataDirLock {
  const lock = path.join(dataDir, "start.lock");
  const own = `${lock}.${process.pid}`;
  const text = JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) });
  let takenOver = false;
  try {
    writeFileSync(own, text, { mode: 0o644 });
    while (!appears(own, lock)) {
      const found = readLock(lock);
      if (found === null) continue; // Released between the two looks.
      const holder = parseHolder(found);
      if (holder !== null && holder.identity !== null && processIdentity(holder.pid) === holder.identity) {
        throw new AppError(
          "data_dir_in_use",
          `Another Atelier (pid ${holder.pid}) is running on ${dataDir}. Stop it first, or set DATA_DIR (and PORT) to run a second one.`,
        );
      }
      log("The last run was killed before it could clean up; taking over its lock");
      takenOver = true;
      removeStale(lock, found, `${own}.stale`);
    }
  } finally {
    rmSync(own, { force: true });
  }
  const release = () => {
    if (readLock(lock) === text) rmSync(lock, { force: true });
  };
  return { release, takenOver };
}

/** A hard link appears whole or not at all, also when two processes try at the same instant. */
function appears(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readLock(lock: string): string | null {
  try {
    return readFileSync(lock, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function parseHolder(text: string): Holder | null {
  try {
    const { pid, identity } = JSON.parse(text);
    return Number.isInteger(pid) ? { pid, identity: identity ?? null } : null;
  } catch {
    return null;
  }
}

/** Moved aside and looked at again: another start may have put its own in the place of the stale one. */
function removeStale(lock: string, stale: string, aside: string): void {
  try {
    renameSync(lock, aside);
    if (readFileSync(aside, "utf8") !== stale) linkSync(aside, lock);
  } catch {
    // Gone already, or replaced: the caller looks again.
  } finally {
    rmSync(aside, { force: true });
  }
}
