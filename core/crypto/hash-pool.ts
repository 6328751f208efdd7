// A few threads that compute Argon2id at low priority, one hash at a time each, and the bounded line in front of them.
import { Worker } from "node:worker_threads";
import { AppError, type AppErrorOptions } from "../domain/app-error.ts";
import type { HashJob, HashReply, HashThreadData } from "./hash-thread.ts";

export type HashPoolOptions = {
  /** Hashes computed at once; each takes the memory of its parameters. */
  threads: number;
  /** 0 (as the process) to 19 (last of all); see hash-thread.ts. */
  niceness: number;
  /** Hashes that may wait for a thread; one more is refused. */
  maxWaiting: number;
};

export type HashPool = {
  /**
   * The tag. Takes the `message` away from the caller, whose buffer it must fill alone. Rejects with the retryable
   * `hashing_unavailable` when the line is full, the thread died or the pool is closed.
   */
  derive(job: HashJob): Promise<Buffer>;
  /** Ends the threads, each after the hash it is at; who waits is refused. */
  close(): Promise<void>;
};

type Task = { job: HashJob } & Pick<PromiseWithResolvers<Buffer>, "resolve" | "reject">;
type Slot = { thread: Worker; task: Task | undefined; error?: unknown };
type Pool = { options: HashPoolOptions; slots: Set<Slot>; waiting: Task[]; closed: boolean };

const FULL_RETRY_MS = 5_000;

/** Starts nothing before the first job; idle threads do not keep the process alive. */
export function createHashPool(options: HashPoolOptions): HashPool {
  const pool: Pool = { options, slots: new Set(), waiting: [], closed: false };
  return {
    derive(job) {
      if (pool.closed) return Promise.reject(stopped());
      const slot = findIdle(pool);
      if (!slot && pool.waiting.length >= options.maxWaiting) return Promise.reject(full());
      return new Promise((resolve, reject) => {
        const task = { job, resolve, reject };
        if (slot) assign(slot, task);
        else pool.waiting.push(task);
      });
    },
    close: () => close(pool),
  };
}

function findIdle(pool: Pool): Slot | undefined {
  for (const slot of pool.slots) if (slot.task === undefined) return slot;
  return pool.slots.size < pool.options.threads ? start(pool) : undefined;
}

function start(pool: Pool): Slot {
  const workerData: HashThreadData = { niceness: pool.options.niceness };
  const thread = new Worker(new URL("./hash-thread.ts", import.meta.url), {
    workerData,
    // None of what it computes needs the environment, or flags such as those of a profiler.
    env: {},
    execArgv: [],
  });
  const slot: Slot = { thread, task: undefined };
  pool.slots.add(slot);
  thread.on("message", (reply: HashReply) => onReply(pool, slot, reply));
  // Without a listener the error of a thread would end the process; its exit follows.
  thread.on("error", (error) => {
    slot.error = error;
  });
  thread.once("exit", () => onExit(pool, slot));
  thread.unref();
  return slot;
}

function assign(slot: Slot, task: Task): void {
  slot.task = task;
  slot.thread.ref();
  slot.thread.postMessage(task.job, [task.job.message.buffer]);
}

function assignNext(pool: Pool): void {
  const slot = pool.waiting.length > 0 ? findIdle(pool) : undefined;
  const task = slot && pool.waiting.shift();
  if (task) assign(slot, task);
}

function onReply(pool: Pool, slot: Slot, reply: HashReply): void {
  const { task } = slot;
  slot.task = undefined;
  slot.thread.unref();
  if ("tag" in reply) task?.resolve(Buffer.from(reply.tag));
  else task?.reject(new Error(`Argon2id failed: ${reply.failure}`));
  if (!pool.closed) assignNext(pool);
}

function onExit(pool: Pool, slot: Slot): void {
  pool.slots.delete(slot);
  slot.task?.reject(pool.closed ? stopped() : died(slot.error));
  if (!pool.closed) assignNext(pool);
}

async function close(pool: Pool): Promise<void> {
  pool.closed = true;
  for (const task of pool.waiting.splice(0)) task.reject(stopped());
  await Promise.all([...pool.slots].map(({ thread }) => thread.terminate()));
}

function unavailable(message: string, more: AppErrorOptions = {}): AppError {
  return new AppError("hashing_unavailable", message, { retryable: true, ...more });
}

const full = () =>
  unavailable("Too many people sign in at this moment; try again soon", {
    details: { retryAfterMs: FULL_RETRY_MS },
  });
const died = (cause: unknown) =>
  unavailable("The check of the password was interrupted; try again", { cause });
const stopped = () => unavailable("This server is stopping; try again");
