// Listens to the doorbell: takes a bell when there is room for an execution, hands on whom it is for, and is done with it.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { idsOf } from "./bells.ts";
import { keptJobs, openWorker, type QueueBackend } from "./queue-backend.ts";

export type BellConsumer = {
  /** Takes no further bells. Whom the last one was for may still be told. */
  stop(): Promise<void>;
};

export type BellConsumerOptions = {
  backend: QueueBackend;
  /** Resolves when another execution can be taken; a bell is left to other workers until then. */
  awaitRoom: () => Promise<void>;
  /** Takes the executions in. The job is over with that: their rows say what becomes of them. */
  handle: (executionIds: readonly string[]) => void;
  onError: (error: Error) => void;
};

const RETRY_MS = 1_000;

export async function consumeBells(options: BellConsumerOptions): Promise<BellConsumer> {
  const { backend, awaitRoom, handle, onError } = options;
  const worker = openWorker(backend, null, { maxStalledCount: 3, ...keptJobs(backend) });
  worker.on("error", onError);
  await worker.waitUntilReady();
  // What a dead worker took and did not finish leaves the list of active jobs; its executions are rung again anyway.
  await worker.startStalledCheckTimer();
  const token = randomUUID();
  let stopping = false;

  const listen = async () => {
    while (!stopping) {
      await awaitRoom();
      try {
        const job = await worker.getNextJob(token);
        if (!job) continue;
        handle(idsOf(job.data));
        job.moveToCompleted(undefined, token, false).catch(report);
      } catch (error) {
        report(error);
        await delay(RETRY_MS);
      }
    }
  };
  const report = (error: unknown) => {
    if (!stopping) onError(error instanceof Error ? error : new Error(String(error)));
  };
  void listen();
  return {
    async stop() {
      stopping = true;
      await worker.close(true);
    },
  };
}
