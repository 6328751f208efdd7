// DATA_DIR/demo-account.json, mode 0600: e-mail and password of the demo's own account.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

export type Account = { email: string; password: string };

/** Null when there is none, or none that can be read. */
export function readAccount(dataDir: string | null): Account | null {
  if (dataDir === null) return null;
  try {
    const { email, password } = JSON.parse(readFileSync(fileIn(dataDir), "utf8"));
    return typeof email === "string" && typeof password === "string" ? { email, password } : null;
  } catch {
    return null;
  }
}

/** Returns the file, or null when it could not be kept: the demo does without. */
export function keepAccount(dataDir: string | null, account: Account): string | null {
  if (dataDir === null || !existsSync(dataDir)) return null;
  const file = fileIn(dataDir);
  try {
    writeFileSync(file, `${JSON.stringify(account, null, 2)}\n`, { mode: 0o600 });
    return file;
  } catch {
    return null;
  }
}

function fileIn(dataDir: string): string {
  return path.join(dataDir, "demo-account.json");
}
