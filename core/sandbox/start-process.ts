// Starts one sandbox process: no environment, little memory, no right to touch files or start processes.

import { type ChildProcess, fork } from "node:child_process";
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** `entry` is a file that calls `serveJobs` with the same `mark`. */
export type SandboxProgram = {
  readonly entry: URL;
  readonly mark: string;
  /** JavaScript heap in MB; going over it ends the process. */
  readonly maxOldSpaceMb: number;
};

/** Answers once with "ready", then each job with one message. */
export function startProcess({ entry, mark, maxOldSpaceMb }: SandboxProgram): ChildProcess {
  return fork(fileURLToPath(entry), [mark, String(process.pid)], {
    // Nothing of ours, and every machine gives the same local time.
    env: { TZ: "UTC" },
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: [
      `--max-old-space-size=${maxOldSpaceMb}`,
      "--disable-proto=delete",
      "--disallow-code-generation-from-strings",
      "--no-warnings",
      ...permissionFlags(),
    ],
  });
}

/**
 * Neither JSONata nor QuickJS gives a way to run JavaScript of the host; should one be found, the code could read no file
 * but its own sources, start no process and find no secret in its environment. It could open connections: Node 24 has no
 * permission for the network to take away, so what must not be reached from here needs a wall outside of the process
 * (docs/security.md). Workers are allowed for the thread that watches the parent.
 */
function permissionFlags(): string[] {
  const readable = ["../../core", "../../package.json", "../../node_modules"].map((place) =>
    fileURLToPath(new URL(place, import.meta.url)),
  );
  // A folder may be a link to one elsewhere; modules are read from where they really lie.
  const paths = new Set(readable.flatMap((place) => [place, realpathSync(place)]));
  return ["--permission", "--allow-worker", ...[...paths].map((place) => `--allow-fs-read=${place}`)];
}

/** Whether this child keeps the parent process alive: only while somebody waits for it. */
export function setHold(child: ChildProcess, hold: boolean): void {
  if (hold) {
    child.ref();
    child.channel?.ref();
  } else {
    child.unref();
    child.channel?.unref();
  }
}
