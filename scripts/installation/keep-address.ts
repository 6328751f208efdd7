// Where people reached an embedded installation when it was last started, for the links that commands make.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const fileIn = (dataDir: string) => path.join(dataDir, "address");

export function keepAddress(dataDir: string, address: string): void {
  writeFileSync(fileIn(dataDir), `${address}\n`);
}

/** Null when it has not been started by `npm start` yet. */
export function readAddress(dataDir: string): string | null {
  try {
    return readFileSync(fileIn(dataDir), "utf8").trim() || null;
  } catch {
    return null;
  }
}
