// Chooses the operating-system user that the database server runs as: PostgreSQL refuses to run as root.
import { spawn, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { AppError } from "../../core/domain/app-error.ts";

/** Empty when the server runs as whoever started us. */
export type ServerUser = { uid: number; gid: number } | Record<string, never>;

/**
 * Only root needs another user: the one that owns the existing data, else a user named postgres, else nobody.
 * initdb wants a user that the system knows by name, so a bare number would not do.
 */
export function chooseServerUser(existingDataDir: string | null): ServerUser {
  if (process.getuid?.() !== 0) return {};
  if (existingDataDir !== null) {
    const owner = statSync(existingDataDir);
    if (owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  for (const name of ["postgres", "_postgres", "nobody"]) {
    const [uid, gid] = [idOf("-u", name), idOf("-g", name)];
    if (uid && gid !== null) return { uid, gid };
  }
  throw new AppError(
    "server_user_missing",
    "PostgreSQL does not run as root, and this system has no user named postgres or nobody. " +
      "Start as an ordinary user, or set DATABASE_URL.",
  );
}

/** Can that user enter the directory? Tried for real, so that ACLs and network file systems count as well. */
export function canEnter(user: ServerUser, directory: string): Promise<boolean> {
  return succeeds("/bin/sh", ["-c", 'cd "$1"', "sh", directory], user);
}

/** Can that user run the program? False as well on a file system mounted noexec, or when a library is missing. */
export function canRun(user: ServerUser, program: string): Promise<boolean> {
  return succeeds(program, ["--version"], user);
}

function succeeds(program: string, args: string[], user: ServerUser): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: "/", stdio: "ignore", env: {}, ...user });
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

function idOf(flag: string, name: string): number | null {
  const id = spawnSync("id", [flag, name], { encoding: "utf8" });
  return id.status === 0 ? Number(id.stdout.trim()) : null;
}
