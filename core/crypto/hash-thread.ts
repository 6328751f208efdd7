// A thread that computes Argon2id, one hash at a time, behind everything else that wants the processor.
import { type Argon2Parameters, argon2Sync } from "node:crypto";
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";

/** Main → thread. The bytes of the password are moved, not copied. */
export type HashJob = {
  message: Uint8Array<ArrayBuffer>;
  nonce: Uint8Array;
  tagLength: number;
  memory: number;
  passes: number;
  parallelism: number;
};
/** Thread → main. */
export type HashReply = { tag: Uint8Array } | { failure: string };
/** 0 (as the process) to 19 (last of all). */
export type HashThreadData = { niceness: number };

stepBack((workerData as HashThreadData).niceness);

parentPort?.on("message", (job: HashJob) => {
  parentPort?.postMessage(answer(job));
});

function answer(job: HashJob): HashReply {
  try {
    // A copy of its own size: a slice of a shared buffer would take its neighbours along.
    return { tag: Uint8Array.from(argon2Sync("argon2id", job satisfies Argon2Parameters)) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  } finally {
    job.message.fill(0);
  }
}

/**
 * On Linux a thread has a priority of its own, and lowering it needs no right. Elsewhere, and where /proc is not that
 * of this process, the thread goes on as it is: setPriority on another number would meet a stranger.
 */
function stepBack(niceness: number): void {
  if (niceness === 0) return;
  try {
    const [owner, , thread] = readlinkSync("/proc/thread-self").split("/");
    if (Number(owner) === process.pid && Number(thread) !== process.pid) {
      setPriority(Number(thread), niceness);
    }
  } catch {
    // No /proc, or a sandbox that forbids it.
  }
}
