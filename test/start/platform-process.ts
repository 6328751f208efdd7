// Drives a supervised platform from a test: starts it, waits for what it says or notes, kills what a test left.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { childEnvironment } from "../support/child-environment.ts";

export type Note = {
  name: string;
  event: string;
  pid?: number;
  workerId?: string;
  egress?: string;
  sampleUrl?: string;
};

export type PlatformProcess = {
  child: ChildProcess;
  output(): string;
  notes(): Note[];
  /** Waits until the output matches; throws with the whole output when the process ends first. */
  says(pattern: RegExp): Promise<void>;
  /** Waits for a note that fits. */
  findNote(fits: (note: Note) => boolean): Promise<Note>;
  exitCode(): Promise<number | null>;
};

// Only so that a fault shows as a failed test and not as one that never ends.
const patienceMs = 60_000;

type Cleanup = { after(callback: () => void | Promise<void>): void };

export function startPlatform(
  t: Cleanup,
  folder: string,
  roles: string,
  env: Record<string, string> = {},
): PlatformProcess {
  const journal = path.join(folder, "journal");
  const script = fileURLToPath(new URL("./supervised-platform.ts", import.meta.url));
  const child = spawn(process.execPath, [script, roles, journal], {
    env: { ...childEnvironment(), DATA_DIR: path.join(folder, "data"), PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (text += chunk));
  const exited = once(child, "exit");
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  t.after(async () => {
    const hung = setTimeout(() => child.kill("SIGKILL"), 40_000);
    if (!ended()) child.kill("SIGTERM");
    await exited;
    clearTimeout(hung);
  });
  const notes = () =>
    existsSync(journal)
      ? readFileSync(journal, "utf8")
          .split("\n")
          .filter(Boolean)
          .map((line): Note => JSON.parse(line))
      : [];
  const poll = async <Found>(look: () => Found | undefined, what: string): Promise<Found> => {
    for (const givenUpAt = Date.now() + patienceMs; ; ) {
      const found = look();
      if (found !== undefined) return found;
      if (ended()) throw new Error(`ended before ${what}:\n${text}`);
      if (Date.now() > givenUpAt) throw new Error(`waited in vain for ${what}:\n${text}`);
      await sleep(20);
    }
  };
  return {
    child,
    output: () => text,
    notes,
    says: (pattern) => poll(() => (pattern.test(text) ? true : undefined), String(pattern)).then(() => {}),
    findNote: (fits) => poll(() => notes().find(fits), String(fits)),
    exitCode: async () => (await exited)[0],
  };
}
