// Listens to the doorbell: takes a bell when there is room for an execution, hands on whom it is for, and is done with it.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { bandOf, idsOf } from "./bells.ts";
import {
  BUSY_QUEUE_NAME,
  keptJobs,
  openWorker,
  QUEUE_NAME,
  type QueueBackend,
  type QueueName,
} from "./queue-backend.ts";

export type BellConsumer = {
  /** Takes no further bells. Whom the last one was for is told before it resolves, unless the line is dead. */
  stop(): Promise<void>;
};

export type BellConsumerOptions = {
  backend: QueueBackend;
  /**
   * Resolves when another execution (of a busy workspace) can be taken, to true when it could not before; a bell is left to
   * other workers until then.
   */
  awaitRoom: (ofBusy: boolean) => Promise<unknown>;
  /** Bells may have been left hanging for want of room; or there are none: the queue was found empty. */
  onBehind?: (ofBusy: boolean, isBehind: boolean) => void;
  /** Takes the executions in. The job is over with that: their rows say what becomes of them. */
  handle: (executionIds: readonly string[], band: number) => void;
  /** A job named nobody: it is dropped like one that did, what it may have meant is rung again by recovery. */
  onDropped?: () => void;
  onError: (error: Error) => void;
};

const RETRY_MS = 1_000;
/** What was under way at the stop is waited for so long: over a dead line it never ends. */
const LAST_WORD_MS = 2_000;

export async function consumeBells(options: BellConsumerOptions): Promise<BellConsumer> {
  const opened = await Promise.allSettled([
    listenAt(QUEUE_NAME, options),
    listenAt(BUSY_QUEUE_NAME, options),
  ]);
  const listeners = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const stop = async () => void (await Promise.all(listeners.map((listener) => listener.stop())));
  const failed = opened.find((one) => one.status === "rejected");
  if (!failed) return { stop };
  await stop();
  throw failed.reason;
}

async function listenAt(name: QueueName, options: BellConsumerOptions): Promise<BellConsumer> {
  const { backend, awaitRoom, handle, onDropped = () => {}, onBehind = () => {}, onError } = options;
  const ofBusy = name === BUSY_QUEUE_NAME;
  const worker = openWorker(backend, null, { maxStalledCount: 3, ...keptJobs(backend) }, name);
  worker.on("error", onError);
  await worker.waitUntilReady();
  // What a dead worker took and did not finish leaves the list of active jobs; its executions are rung again anyway.
  await worker.startStalledCheckTimer();
  const token = randomUUID();
  let stopping = false;
  let taking: Promise<unknown> = Promise.resolve();
  const finishing = new Set<Promise<unknown>>();

  const listen = async () => {
    while (!stopping) {
      const isBehind = (await awaitRoom(ofBusy)) === true;
      if (isBehind) onBehind(ofBusy, true);
      try {
        // What rang meanwhile hangs there: looked for at once, before a bell is waited for.
        const next = worker.getNextJob(token, { block: !isBehind });
        taking = next.catch(() => {});
        const job = await next;
        if (!job) {
          if (!stopping) onBehind(ofBusy, false);
          continue;
        }
        const ids = idsOf(job.data);
        if (ids.length > 0) handle(ids, bandOf(job.priority));
        else onDropped();
        const finish = job.moveToCompleted(undefined, token, false).catch(report);
        finishing.add(finish);
        void finish.then(() => finishing.delete(finish));
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
      if (backend.kind === "postgres") {
        // Ends the wait for a bell; the take looks once more and is over. On Redis it ends with its line.
        await worker.backend.disconnectBlocking();
        await atMost(LAST_WORD_MS, taking);
      }
      // What was handed on would stay active, as if somebody still took it, once the lines are closed.
      await atMost(LAST_WORD_MS, Promise.all(finishing));
      await worker.close(true);
      await atMost(LAST_WORD_MS, taking);
    },
  };
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  await Promise.race([work, delay(ms, undefined, { ref: false })]);
}
