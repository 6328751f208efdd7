// How much memory a process holds, as the system counts it.
import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Megabytes. */
export async function residentMb(pid: number): Promise<number> {
  const { stdout } = await run("ps", ["-o", "rss=", "-p", String(pid)]);
  return Number(stdout) / 1_024;
}

/** The most it held while `work` was done, looked at every 50 ms. */
export async function peakMb(pid: number, work: () => Promise<void>): Promise<number> {
  let peak = 0;
  let isDone = false;
  const watch = async () => {
    while (!isDone) {
      peak = Math.max(peak, await residentMb(pid));
      await delay(50);
    }
  };
  const end = async () => {
    await work().finally(() => {
      isDone = true;
    });
  };
  await Promise.all([watch(), end()]);
  return peak;
}
