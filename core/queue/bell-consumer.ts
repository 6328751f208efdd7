// Listens to the doorbell: hands each ring to a handler, so many at a time, until told to stop.
import { keptJobs, openWorker, type QueueBackend } from "./queue-backend.ts";

export type BellConsumer = {
  /** Takes no further rings; those in hand go on. */
  pause(): Promise<void>;
  /** Ends the connection; rings still in hand are abandoned (their rows tell the truth). */
  close(): Promise<void>;
};

export type BellConsumerOptions = {
  backend: QueueBackend;
  concurrency: number;
  /** Must not reject: a ring is answered whatever becomes of the execution. */
  handle: (executionId: string) => Promise<void>;
  onError: (error: Error) => void;
};

export async function consumeBells(options: BellConsumerOptions): Promise<BellConsumer> {
  const worker = openWorker(options.backend, (job) => options.handle(job.data.executionId), {
    concurrency: options.concurrency,
    // BullMQ's lock is a hint only: lease and fence in PostgreSQL decide. Retrying soon after a lost
    // connection matters more; the default waits 15 s.
    runRetryDelay: 1_000,
    maxStalledCount: 3,
    ...keptJobs(options.backend),
  });
  worker.on("error", options.onError);
  await worker.waitUntilReady();
  return {
    pause: () => worker.pause(true),
    close: () => worker.close(true),
  };
}
