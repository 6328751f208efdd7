// Finds what belongs to a file-based Studio; what it does not know is named, never skipped in silence.
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import type { Remark } from "./report.ts";

export type FoundFile = {
  /** Relative to the folder, with slashes. */
  file: string;
  absolute: string;
  size: number;
  /** ISO 8601; the time of what says none itself. */
  modifiedAt: string;
};

export type FoundFiles = {
  workflows: FoundFile[];
  /** By the name of their folder, the workflow's old id. */
  versions: Map<string, FoundFile[]>;
  executions: FoundFile[];
  credentials: FoundFile | null;
  auditLog: FoundFile | null;
  unknown: Remark[];
};

const JSON_FILE = /\.json$/i;

export async function listFiles(root: string): Promise<FoundFiles> {
  const found: FoundFiles = {
    workflows: [],
    versions: new Map(),
    executions: [],
    credentials: null,
    auditLog: null,
    unknown: [],
  };
  await walk(root, [], found);
  return found;
}

async function walk(folder: string, parts: readonly string[], found: FoundFiles): Promise<void> {
  const refuse = (file: string, reason: string) => found.unknown.push({ file, line: 0, reason });
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    refuse(parts.join("/"), `the folder cannot be opened (${(error as NodeJS.ErrnoException).code})`);
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const place = [...parts, entry.name];
    const file = place.join("/");
    const absolute = path.join(folder, entry.name);
    if (entry.isSymbolicLink()) refuse(file, "a symbolic link, which is not followed");
    else if (entry.isDirectory() && isKnownFolder(place)) await walk(absolute, place, found);
    else if (entry.isDirectory()) refuse(file, "no folder of a file-based Studio");
    else if (!entry.isFile()) refuse(file, "no ordinary file");
    else {
      const { size, mtimeMs } = await lstat(absolute);
      const modifiedAt = new Date(Math.max(0, Math.trunc(mtimeMs))).toISOString();
      if (!sort({ file, absolute, size, modifiedAt }, place, found))
        refuse(file, "no file of a file-based Studio");
    }
  }
}

function isKnownFolder([top]: readonly string[]): boolean {
  return top === "workflows" || top === "versions" || top === "executions";
}

function sort(file: FoundFile, place: readonly string[], found: FoundFiles): boolean {
  const [top = "", second = ""] = place;
  if (place.length === 1 && top === "credentials.json") found.credentials = file;
  else if (place.length === 1 && top === "audit.log") found.auditLog = file;
  else if (place.length === 1 || !JSON_FILE.test(file.file)) return false;
  else if (top === "workflows") found.workflows.push(file);
  else if (top === "executions") found.executions.push(file);
  else if (place.length > 2) found.versions.set(second, [...(found.versions.get(second) ?? []), file]);
  else return false;
  return true;
}
