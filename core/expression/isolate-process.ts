// Entry of an isolated process: takes jobs from its parent one at a time and answers each with one message.

import { Worker } from "node:worker_threads";
import { createIsolate, type IsolateJob } from "./isolate-evaluate.ts";

// The main thread may be stuck in an endless expression, so only another thread can notice that the parent was killed
// and nobody is left to end this process.
const WATCH_PARENT = `
  const { workerData: parent } = require("node:worker_threads");
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 1000);
`;

function serve(send: (message: unknown) => void, parent: number): void {
  const evaluate = createIsolate();
  new Worker(WATCH_PARENT, { eval: true, workerData: parent, stdout: true, stderr: true }).unref();
  process.on("disconnect", () => process.exit(0));
  process.on("message", (job) => {
    evaluate(job as IsolateJob).then(send, () => process.exit(1));
  });
  send("ready");
}

// A module that is imported by accident does nothing; only the pool starts it with a channel and this mark. The parent
// names itself, because it may be gone before this process can ask.
const [mark, parent] = process.argv.slice(2);
if (mark === "expression-isolate" && process.send !== undefined) {
  serve(process.send.bind(process), Number(parent));
}
