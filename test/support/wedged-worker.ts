// A process whose main thread keeps leases and then, told so, never comes back: for the test of what its lease thread does.
import { createLogger } from "../../core/logger.ts";
import { createLeaseKeeper } from "../../worker/lease-keeper.ts";

const [, , databaseUrl = "", workerId = "", silenceMs = ""] = process.argv;
createLeaseKeeper({
  databaseUrl,
  workerId,
  silenceMs: Number(silenceMs),
  logger: createLogger("worker", "silent"),
  onLost() {},
  onCancelled() {},
  onDead: () => process.exit(3),
});
process.on("message", () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
process.send?.("ready");
