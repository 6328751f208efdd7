// Makes a new database cluster beside its final place and renames it there, so that none is ever half made.
import { spawn } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { AppError } from "../../core/domain/app-error.ts";
import type { Binaries } from "./binaries.ts";
import type { ServerUser } from "./server-user.ts";

type ClusterPlan = {
  folder: string;
  user: ServerUser;
  binaries: Binaries;
  superuserPassword: string;
  log: (line: string) => void;
};

/** Returns true when it made a new cluster, false when a good one is there. Never deletes database files. */
export async function ensureCluster(plan: ClusterPlan): Promise<boolean> {
  removeUnfinished(plan.folder);
  if (existsSync(plan.folder) && readdirSync(plan.folder).length > 0) {
    if (isCluster(plan.folder)) {
      checkVersion(plan);
      return false;
    }
    putAside(plan);
  }
  await createCluster(plan);
  return true;
}

function isCluster(folder: string): boolean {
  return existsSync(path.join(folder, "PG_VERSION")) && existsSync(path.join(folder, "global", "pg_control"));
}

function checkVersion({ folder, binaries }: ClusterPlan): void {
  const found = readFileSync(path.join(folder, "PG_VERSION"), "utf8").trim();
  if (found === binaries.majorVersion) return;
  throw new AppError(
    "database_version",
    `${folder} was written by PostgreSQL ${found}, and this Atelier ships ${binaries.majorVersion}. ` +
      `Nothing was changed. With the Atelier it came from: npm run backup -- FILE. Then move ${path.dirname(folder)} away, and ` +
      "with this one: npm run restore -- FILE, npm start (docs/operations.md, A new major version of PostgreSQL).",
  );
}

/** What an interrupted set-up leaves holds no database of a user (their numbers start at 16384); anything else is refused. */
function putAside({ folder, log }: ClusterPlan): void {
  const base = path.join(folder, "base");
  const databases = existsSync(base) ? readdirSync(base).filter((name) => Number(name) >= 16_384) : [];
  if (databases.length > 0) {
    throw new AppError(
      "data_dir_damaged",
      `${folder} holds databases but lacks PG_VERSION or global/pg_control, so it cannot be started. ` +
        "Nothing was changed. Restore it from a backup, or move it away to begin anew.",
    );
  }
  const aside = `${folder}.incomplete-${Date.now()}`;
  renameSync(folder, aside);
  log(`${folder} was only half set up and holds no database; it is kept as ${aside} and set up again`);
}

/** Only what our own earlier, interrupted set-ups left under their own name. */
function removeUnfinished(folder: string): void {
  const parent = path.dirname(folder);
  for (const name of readdirSync(parent)) {
    if (name.startsWith(`${path.basename(folder)}.new-`)) {
      rmSync(path.join(parent, name), { recursive: true, force: true });
    }
  }
}

async function createCluster({ folder, user, binaries, superuserPassword, log }: ClusterPlan): Promise<void> {
  log("Setting up the database for the first time");
  const workshop = `${folder}.new-${process.pid}`;
  const passwordFile = path.join(workshop, "password");
  mkdirSync(workshop, { mode: 0o700 });
  try {
    writeFileSync(passwordFile, superuserPassword, { mode: 0o600 });
    if (user.uid !== undefined)
      for (const place of [workshop, passwordFile]) chownSync(place, user.uid, user.gid);
    const made = path.join(workshop, "data");
    await runInitdb(binaries.initdb, made, passwordFile, user);
    if (existsSync(folder)) rmSync(folder, { recursive: true }); // Empty: it was looked at above.
    renameSync(made, folder);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

function runInitdb(initdb: string, folder: string, passwordFile: string, user: ServerUser): Promise<void> {
  const flags = [
    ["--pgdata", folder],
    ["--username", "postgres"],
    ["--pwfile", passwordFile],
    ["--auth", "scram-sha-256"],
    ["--encoding", "UTF8"],
    // Built into the server, so that sort order does not change with the system's C library.
    ["--locale-provider", "builtin"],
    ["--builtin-locale", "C.UTF-8"],
    ["--locale", "C"],
  ].flat();
  return new Promise((resolve, reject) => {
    const child = spawn(initdb, flags, { cwd: "/", env: { LC_ALL: "C", TZ: "UTC" }, ...user });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += chunk));
    child.once("error", (cause) => reject(initdbFailed(cause.message, cause)));
    child.once("close", (code) => (code === 0 ? resolve() : reject(initdbFailed(output))));
  });
}

function initdbFailed(output: string, cause?: unknown): AppError {
  const full = /no space left on device/i.test(output);
  const reason = full
    ? "The disk is full: the database could not be set up. Free some space (it needs about 100 MB) and start again."
    : `The database could not be set up:\n${output.trim().split("\n").slice(-8).join("\n")}`;
  return new AppError(full ? "disk_full" : "initdb_failed", `${reason}\nNothing was lost.`, { cause });
}
