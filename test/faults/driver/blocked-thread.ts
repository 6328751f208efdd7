// Loaded with --import before anything else: SIGUSR2 blocks the main thread, as a node would that does not return.
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  const blockMs = Number(process.env.FAULT_BLOCK_MS);
  if (!(blockMs > 0)) throw new Error("FAULT_BLOCK_MS says for how long");
  process.on("SIGUSR2", () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs));
}
