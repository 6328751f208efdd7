// Entry of a sandbox process that evaluates expressions.

import { serveJobs } from "#core/sandbox/serve-jobs.ts";
import { createIsolate } from "./isolate-evaluate.ts";

await serveJobs("expression-isolate", async () => createIsolate());
