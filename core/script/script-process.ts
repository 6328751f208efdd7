// Entry of a sandbox process that runs scripts.

import { serveJobs } from "#core/sandbox/serve-jobs.ts";
import { createScriptAnswer } from "./answer-scripts.ts";
import type { ScriptJob } from "./script-job.ts";

await serveJobs<ScriptJob>("script", createScriptAnswer);
