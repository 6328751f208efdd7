// A child process of the bench: adds jobs to BullMQ or works them off, over the connections the platform uses.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { openQueue, openWorker } from "../../core/queue/queue-backend.ts";
import type { BullmqTask, BullmqTimes } from "./measure-bullmq.ts";

// At its best, so that no ratio flatters us: on PostgreSQL, keeping the last 1,000 jobs (as the board likes it) costs
// an anti-join of 11 ms per finished job and halves the rate.
const keepFinished = { removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } };

async function addJobs({ backend, jobs, inFlight }: BullmqTask): Promise<BullmqTimes> {
  const queue = openQueue(backend, { defaultJobOptions: { attempts: 1, ...keepFinished } });
  await queue.waitUntilReady();
  let left = jobs;
  const startedMs = Date.now();
  const producer = async () => {
    while (left-- > 0) await queue.add("execution", { executionId: randomUUID() });
  };
  await Promise.all(Array.from({ length: inFlight }, producer));
  const endedMs = Date.now();
  await queue.close();
  return { startedMs, endedMs };
}

async function processJobs({ backend, jobs, inFlight }: BullmqTask): Promise<BullmqTimes> {
  const done = Promise.withResolvers<void>();
  let left = jobs;
  const startedMs = Date.now();
  const worker = openWorker(backend, async () => {}, { concurrency: inFlight, ...keepFinished });
  worker.on("error", (error) => done.reject(error));
  worker.on("completed", () => {
    left -= 1;
    if (left === 0) done.resolve();
  });
  await done.promise;
  const endedMs = Date.now();
  await worker.close();
  return { startedMs, endedMs };
}

if (import.meta.main) {
  const [task] = (await once(process, "message")) as [BullmqTask];
  process.send?.(await (task.act === "add" ? addJobs(task) : processJobs(task)));
  process.disconnect();
}
