// Entry of a sandbox process that runs scripts.

import { setImmediate as nextTurn } from "node:timers/promises";
import { serveJobs } from "#core/sandbox/serve-jobs.ts";
import { checkScripts } from "./check-scripts.ts";
import { runScript } from "./run-script.ts";
import { loadScriptEngine } from "./script-engine.ts";
import type { ScriptJob } from "./script-job.ts";

// A memory that grew is given back by the garbage collector at its leisure; a new process has none to give back.
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

await serveJobs<ScriptJob>("script", async () => {
  const createEngine = await loadScriptEngine();
  // One is always ready, made while the parent reads the last answer.
  let next = createEngine();
  await next;
  return async (job) => {
    const engine = await next;
    const reply = job.kind === "run" ? runScript(engine, job) : checkScripts(engine, job);
    next = nextTurn().then(createEngine);
    return { ...reply, spent: reply.spent || engine.memoryBytes() > MAX_KEPT_BYTES };
  };
});
