// Builds the Studio when its sources are newer than what was built; a fault there is told and stops nothing.
import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";

const MARK = ".built-from";
const PATIENCE_MS = 120_000;

export type BuildStudioOptions = { root: string; log: (line: string) => void };

/** Resolves to whether a current Studio is there. Takes some 10 ms when nothing has changed. */
export async function buildStudio({ root, log }: BuildStudioOptions): Promise<boolean> {
  const studio = path.join(root, "dashboards/studio");
  const built = path.join(studio, "dist");
  const beside = `${built}.${randomUUID()}`;
  let wanted = "";
  try {
    wanted = hashSources(root, studio);
    if (readMark(built) === wanted) return true;
    log("Building the Studio (its sources have changed since it was last built, or it never was)");
    mkdirSync(beside, { recursive: true });
    await runVite(studio, beside);
    writeFileSync(path.join(beside, MARK), wanted);
    putInPlace(beside, built, wanted);
    return true;
  } catch (error) {
    rmSync(beside, { recursive: true, force: true });
    // Another start may have put the same there at the same moment.
    if (wanted !== "" && readMark(built) === wanted) return true;
    const reason = error instanceof Error ? error.message : String(error);
    log(`The Studio could not be built, so the web pages are missing or old; the rest works:\n${reason}`);
    return false;
  }
}

/** Whole, so that nobody serves half of it. What another start built meanwhile stays: an api may be serving it already. */
function putInPlace(beside: string, built: string, wanted: string): void {
  if (readMark(built) === wanted) {
    rmSync(beside, { recursive: true, force: true });
    return;
  }
  rmSync(built, { recursive: true, force: true });
  renameSync(beside, built);
}

/** Over contents, not times: a checkout touches every file. */
function hashSources(root: string, studio: string): string {
  const files = globSync(["*.{html,json,ts}", "src/**/*.*"], { cwd: studio }).map((file) =>
    path.join(studio, file),
  );
  const hash = createHash("sha256");
  for (const file of [
    ...files.sort(),
    path.join(root, "package-lock.json"),
    path.join(root, "tsconfig.json"),
  ]) {
    hash
      .update(`${path.relative(root, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex");
}

function readMark(built: string): string | null {
  try {
    return readFileSync(path.join(built, MARK), "utf8");
  } catch {
    return null;
  }
}

/** In a process of its own: the bundler's memory shall not stay with the supervisor. */
async function runVite(studio: string, outDir: string): Promise<void> {
  const manifest = createRequire(import.meta.url).resolve("vite/package.json");
  const vite = path.join(path.dirname(manifest), "bin/vite.js");
  const child = spawn(process.execPath, [vite, "build", studio, "--outDir", outDir, "--logLevel", "error"], {
    cwd: studio,
    env: { ...process.env, NODE_ENV: "production" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: PATIENCE_MS,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said = (said + chunk).slice(-4_000)));
  const end = await new Promise<string | number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  if (end !== 0)
    throw new Error(withoutStack(said) || `The build was ended by ${end}; the next start tries again`);
}

/** The bundler's own stack says nothing about the fault. */
function withoutStack(said: string): string {
  const lines = stripVTControlCharacters(said).split("\n");
  const stack = lines.findIndex((line) => /^ {4}at .*node_modules/.test(line));
  return lines
    .slice(0, stack === -1 ? undefined : stack)
    .join("\n")
    .trim();
}
