// What a process holds in memory.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * In megabytes. Linux tells it in a file: a child for every look held the loop of this process up for 10 ms and more on
 * busy processors, five times a second, which went into the figures of the other requests.
 */
export async function residentMegabytes(pid: number): Promise<number> {
  const status = process.platform === "linux" ? await readFile(`/proc/${pid}/status`, "utf8") : "";
  const kilobytes =
    /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ??
    (await execute("ps", ["-o", "rss=", "-p", String(pid)])).stdout;
  return Number(kilobytes) / 1_024;
}
