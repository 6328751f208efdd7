// A worker as a process of its own, with the times of its claim watch as JSON in the first argument: shorter than the
// environment could ask for.
import { loadConfig } from "../../core/config.ts";
import { createLogger } from "../../core/logger.ts";
import { runRole } from "../../core/shutdown.ts";
import { startWorker } from "../../worker/main.ts";

const logger = createLogger("worker", "info");
const claimWatch = JSON.parse(process.argv[2] ?? "{}");
await runRole(logger, () => startWorker(loadConfig("worker"), logger, { claimWatch }));
