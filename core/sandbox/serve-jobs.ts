// The inside of a sandbox process: takes jobs from its parent one at a time and answers each with one message.

import { Worker } from "node:worker_threads";

// The main thread may be stuck in something endless, so only another thread can notice that the parent was killed and
// nobody is left to end this process.
const WATCH_PARENT = `
  const { workerData: parent } = require("node:worker_threads");
  setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, "SIGKILL"); }, 1000);
`;

/**
 * A module that is imported by accident does nothing; only the pool starts it with a channel and this mark. The parent
 * names itself, because it may be gone before this process can ask. `prepare` makes what answers the jobs.
 */
export async function serveJobs<Job>(
  mark: string,
  prepare: () => Promise<(job: Job) => Promise<unknown>>,
): Promise<void> {
  const [given, parent] = process.argv.slice(2);
  const send = process.send?.bind(process);
  if (given !== mark || send === undefined) return;
  new Worker(WATCH_PARENT, { eval: true, workerData: Number(parent), stdout: true, stderr: true }).unref();
  process.on("disconnect", () => process.exit(0));
  const answer = await prepare();
  process.on("message", (job) => {
    answer(job as Job).then(
      (reply) => send(reply),
      () => process.exit(1),
    );
  });
  send("ready");
}
