// Finds the folder of the database files, elsewhere when DATA_DIR is out of reach of the server's user.
import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AppError } from "../../core/domain/app-error.ts";
import { canEnter, type ServerUser } from "./server-user.ts";

/**
 * The real path of `<dataDir>/postgres`, which need not exist yet. Out of the user's reach (a parent with mode
 * 0700), it becomes a symbolic link into a folder that user can reach, and the log says so.
 */
export async function placeDataFolder(
  dataDir: string,
  user: ServerUser,
  log: (line: string) => void,
): Promise<string> {
  const place = path.join(dataDir, "postgres");
  if (existing(place)) {
    const real = followLink(place);
    if (user.uid !== undefined && !(await canEnter(user, path.dirname(real)))) throw outOfReach(real);
    if (real !== place) log(`The database files are in ${real} (${place} points there)`);
    return real;
  }
  if (user.uid === undefined || (await canEnter(user, dataDir)))
    return path.join(realpathSync(dataDir), "postgres");
  const home = path.join(sharedRoot(), `data-${randomBytes(6).toString("hex")}`);
  mkdirSync(home, { mode: 0o711 });
  chmodSync(home, 0o711);
  writeFileSync(path.join(home, "origin.txt"), `The database of ${dataDir}\n`);
  const real = path.join(home, "postgres");
  symlinkSync(real, place);
  log(`The database server's user cannot reach ${dataDir}; its files go to ${real} (${place} points there)`);
  return real;
}

/** A folder of root's own that every user can enter and that outlives a reboot; only root asks for it. */
export function sharedRoot(): string {
  for (const parent of ["/var/lib", "/usr/local/var", "/var/tmp", tmpdir()]) {
    const folder = path.join(parent, "atelier");
    try {
      accessSync(parent, constants.W_OK);
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      const found = lstatSync(folder);
      // In a folder that everybody may write, somebody else could have laid this one out for us.
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue;
      chmodSync(folder, 0o755);
      return folder;
    } catch {
      // Not there or read-only: try the next.
    }
  }
  throw new AppError("no_reachable_folder", "Found no folder that the database server's user can reach.");
}

function existing(place: string): boolean {
  return lstatSync(place, { throwIfNoEntry: false }) !== undefined;
}

/** The target may not exist yet, when the first start was cut short; the folder made for it must. */
function followLink(place: string): string {
  if (!lstatSync(place).isSymbolicLink()) return realpathSync(place);
  const target = path.resolve(path.dirname(place), readlinkSync(place));
  if (existsSync(target)) return realpathSync(target);
  if (existsSync(path.dirname(target))) return target;
  throw new AppError(
    "data_dir_broken",
    `${place} points to database files that are gone. Bring them back; if they are not wanted, delete the link.`,
  );
}

function outOfReach(real: string): AppError {
  return new AppError(
    "data_dir_unreachable",
    `The database files in ${real} cannot be reached by the user that owns them. ` +
      `Allow others to pass through its parent folders (chmod o+x), or start as that user.`,
  );
}
