// A pool of processes that may be killed at any moment, one job each at a time.
//
// Processes, not worker threads: with resourceLimits of 64 MB on Node 24, `[1..1e7]`, `$pad("x",2e8)`,
// `$split($pad("",2e7,"a"),"")` and `$zip([1..5e6],[1..5e6])` each aborted the *whole* process, because one allocation
// over the limit is a fatal error in V8 before the thread can be ended; and a thread inside native code does not end
// when told to. A process dies alone and at once. Price: 60 to 110 ms to start, 45 MB each.

import type { ChildProcess } from "node:child_process";
import { AppError } from "#core/domain/app-error.ts";
import { failedError, limitError } from "./expression-errors.ts";
import type { IsolateJob, IsolateReply } from "./isolate-evaluate.ts";
import { setHold, startIsolate } from "./start-isolate.ts";
import { busyError, createWaitQueue, type Task, type TurnOptions, type WaitQueue } from "./wait-queue.ts";

export type IsolatePool = {
  /**
   * Rejects with `expression_limit`, with a retryable error when the pool is overloaded, broken or closed, or with the
   * reason of the signal, whose abort kills the process that runs the job.
   */
  run(job: IsolateJob, options?: TurnOptions): Promise<IsolateReply>;
  close(): Promise<void>;
};

export type IsolatePoolOptions = {
  readonly size: number;
  /** From handing the job to an idle process to its answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxOldSpaceMb: number;
  readonly maxQueued: number;
  readonly maxQueuedPerKey: number;
  readonly maxWaitMs: number;
};

type Slot = { readonly child: ChildProcess; ready: boolean; task: Task | undefined };

type Pool = {
  readonly options: IsolatePoolOptions;
  readonly slots: Set<Slot>;
  readonly queue: WaitQueue;
  failedStarts: number;
  closed: boolean;
};

// A process that cannot start (no memory, no file descriptors) must fail those who wait, not be tried for ever.
const MAX_FAILED_STARTS = 3;

/** Starts nothing before the first job; idle processes do not keep this one alive. */
export function createIsolatePool(options: IsolatePoolOptions): IsolatePool {
  // One process is out of reach of any single key, even when nobody else waits: what is endless is known only by its
  // end, and whoever comes in between would wait for that.
  const queue = createWaitQueue({ ...options, maxBusyPerKey: Math.max(1, options.size - 1) });
  const pool: Pool = { options, slots: new Set(), queue, failedStarts: 0, closed: false };
  return {
    run(job, turn = {}) {
      if (pool.closed) return Promise.reject(busyError("The evaluator is closed"));
      const reply = queue.add(job, turn);
      pump(pool);
      return reply;
    },
    close: () => close(pool),
  };
}

function pump(pool: Pool): void {
  if (pool.closed) return;
  for (const slot of pool.slots) {
    if (!slot.ready || slot.task !== undefined) continue;
    const task = pool.queue.take();
    if (task === undefined) return;
    assign(pool, slot, task);
  }
  const starting = [...pool.slots].filter((slot) => !slot.ready).length;
  const wanted = Math.min(pool.queue.takeable() - starting, pool.options.size - pool.slots.size);
  for (let i = 0; i < wanted; i++) start(pool);
}

function start(pool: Pool): void {
  const slot: Slot = { child: startIsolate(pool.options.maxOldSpaceMb), ready: false, task: undefined };
  pool.slots.add(slot);
  slot.child.on("message", (message) => onMessage(pool, slot, message));
  slot.child.on("exit", (code, signal) => onExit(pool, slot, code, signal));
  // A process that could not be started has no exit event.
  slot.child.on("error", () => slot.child.pid === undefined && onExit(pool, slot, null, null));
}

function assign(pool: Pool, slot: Slot, task: Task): void {
  const { timeoutMs } = pool.options;
  slot.task = task;
  task.onAbort = (reason) => stop(pool, slot, task, reason);
  setHold(slot.child, true);
  task.timer = setTimeout(() => {
    // When this process itself was busy, the answer may lie unread: look at the messages once before judging.
    const error = limitError("time", `The expression took longer than ${timeoutMs} ms`);
    setImmediate(() => slot.task === task && stop(pool, slot, task, error));
  }, timeoutMs);
  try {
    slot.child.send(task.job, (error) => error !== null && slot.child.kill("SIGKILL"));
  } catch {
    // Functions, symbols and nesting beyond the stack cannot be sent; the process never saw the job.
    release(pool, slot);
    task.reject(failedError("D0000", "The data that the expression reads is not plain JSON"));
    // Not at once: pump may be what called.
    setImmediate(() => pump(pool));
  }
}

function release(pool: Pool, slot: Slot): void {
  if (slot.task !== undefined) pool.queue.release(slot.task);
  slot.task = undefined;
  setHold(slot.child, false);
}

function onMessage(pool: Pool, slot: Slot, message: unknown): void {
  const { task, ready } = slot;
  slot.ready = true;
  if (!ready) pool.failedStarts = 0;
  release(pool, slot);
  if (ready) task?.resolve(message as IsolateReply);
  pump(pool);
}

function stop(pool: Pool, slot: Slot, task: Task, reason: unknown): void {
  // The slot counts until the process is gone, so that never more than `size` of them run.
  slot.ready = false;
  slot.task = undefined;
  pool.queue.release(task);
  slot.child.kill("SIGKILL");
  task.reject(reason);
}

function onExit(pool: Pool, slot: Slot, code: number | null, signal: string | null): void {
  if (!pool.slots.delete(slot)) return;
  if (slot.task !== undefined) {
    pool.queue.release(slot.task);
    slot.task.reject(isAbort(code, signal) ? memoryError(pool.options.maxOldSpaceMb) : lostError());
  }
  if (!slot.ready && signal !== "SIGKILL" && ++pool.failedStarts >= MAX_FAILED_STARTS) {
    pool.failedStarts = 0;
    pool.queue.rejectAll(unavailableError());
  }
  pump(pool);
}

async function close(pool: Pool): Promise<void> {
  pool.closed = true;
  pool.queue.rejectAll(busyError("The evaluator is closed"));
  const exits = [...pool.slots].map(({ child }) => new Promise((resolve) => child.once("exit", resolve)));
  for (const { child } of pool.slots) {
    setHold(child, true);
    child.kill("SIGKILL");
  }
  await Promise.all(exits);
}

/** V8 ends a process that is out of memory by abort or by a trap instruction, depending on platform and build. */
function isAbort(code: number | null, signal: string | null): boolean {
  return signal === "SIGABRT" || signal === "SIGTRAP" || signal === "SIGILL" || code === 134 || code === 133;
}

function memoryError(megabytes: number): Error {
  return limitError("memory", `The expression needed more than ${megabytes} MB of memory`);
}

function lostError(): Error {
  return new AppError("expression_interrupted", "The evaluating process was ended from outside", {
    retryable: true,
  });
}

function unavailableError(): Error {
  return new AppError("expression_unavailable", "No process for expressions starts", { retryable: true });
}
