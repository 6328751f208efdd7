// Starts one isolated process with no environment, little memory and no right to touch files or start processes.

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export function startIsolate(maxOldSpaceMb: number): ChildProcess {
  const entry = new URL("./isolate-process.ts", import.meta.url);
  return fork(fileURLToPath(entry), ["expression-isolate", String(process.pid)], {
    env: {},
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: [
      `--max-old-space-size=${maxOldSpaceMb}`,
      "--disable-proto=delete",
      "--no-warnings",
      ...permissionFlags(),
    ],
  });
}

/**
 * JSONata gives no way to run JavaScript; should one be found, the code could read its own sources and nothing else.
 * Workers are allowed for the thread that watches the parent.
 */
function permissionFlags(): string[] {
  const readable = ["../../core/*", "../../package.json", "../../node_modules/*"];
  const paths = readable.map(
    (path) => `--allow-fs-read=${fileURLToPath(new URL(path.replace("*", ""), import.meta.url))}`,
  );
  return ["--permission", "--allow-worker", ...paths];
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
