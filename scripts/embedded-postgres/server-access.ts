// Keeps the port and the generated passwords of the embedded server in DATA_DIR/postgres.json, mode 0600.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { AppError } from "../../core/domain/app-error.ts";

export type ServerAccess = { port: number | null; superuserPassword: string; ownerPassword: string };

/**
 * `fresh` says that the passwords are new: an existing cluster must be told them, and they are to be written
 * once it has been. Nothing here is beyond repair, so a broken file is put aside; only an unreadable one is refused.
 */
export function readServerAccess(
  dataDir: string,
  log: (line: string) => void,
): { access: ServerAccess; fresh: boolean } {
  const file = path.join(dataDir, "postgres.json");
  if (existsSync(file)) {
    const access = parse(readText(file));
    if (access !== null) return { access, fresh: false };
    renameSync(file, `${file}.broken-${Date.now()}`);
    log(`${file} was not readable as JSON; it is put aside and the database gets new passwords`);
  }
  return { access: { port: null, superuserPassword: password(), ownerPassword: password() }, fresh: true };
}

/** Written beside and renamed, so that a full disk leaves the old file whole. */
export function writeServerAccess(dataDir: string, access: ServerAccess): void {
  const file = path.join(dataDir, "postgres.json");
  writeFileSync(`${file}.new`, `${JSON.stringify(access, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new AppError("data_dir_unreadable", `${file} cannot be read by this user.`, { cause });
  }
}

function parse(text: string): ServerAccess | null {
  try {
    const { port, superuserPassword, ownerPassword } = JSON.parse(text);
    if (typeof superuserPassword !== "string" || typeof ownerPassword !== "string") return null;
    return { port: Number.isInteger(port) ? port : null, superuserPassword, ownerPassword };
  } catch {
    return null;
  }
}

function password(): string {
  return randomBytes(24).toString("base64url");
}
