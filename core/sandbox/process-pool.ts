// A pool of processes that may be killed at any moment, one job each at a time.
//
// Processes, not worker threads: with resourceLimits of 64 MB on Node 24, `[1..1e7]`, `$pad("x",2e8)`,
// `$split($pad("",2e7,"a"),"")` and `$zip([1..5e6],[1..5e6])` each aborted the *whole* process, because one allocation
// over the limit is a fatal error in V8 before the thread can be ended; and a thread inside native code does not end
// when told to. A process dies alone and at once. Price: 60 to 110 ms to start, 45 MB each.

import type { ChildProcess } from "node:child_process";
import { type SandboxProgram, setHold, startProcess } from "./start-process.ts";
import { createWaitQueue, type Task, type TurnOptions, type WaitQueue } from "./wait-queue.ts";

export type ProcessPool<Job, Reply> = {
  /**
   * Rejects with the faults of the room that made the pool: a limit, or a retryable error when the pool is overloaded,
   * broken or closed; or with the reason of the signal, whose abort kills the process that runs the job.
   */
  run(job: Job, options?: TurnOptions): Promise<Reply>;
  close(): Promise<void>;
};

/** What went wrong, in the words of the room that uses the pool. */
export type PoolFaults = {
  /** Retryable: too many wait, the turn did not come in time, or the pool is closed. */
  busy(message: string): Error;
  time(milliseconds: number): Error;
  memory(): Error;
  /** Retryable: the process was ended from outside. */
  lost(): Error;
  /** Retryable: no process starts. */
  unavailable(): Error;
  /** Functions, symbols and nesting beyond the stack cannot be sent. */
  unsendable(): Error;
};

export type ProcessPoolOptions<Job, Reply> = {
  readonly program: SandboxProgram;
  readonly size: number;
  /** From handing the job to an idle process to its answer, in milliseconds; then the process is killed. */
  readonly timeoutMs: (job: Job) => number;
  readonly maxQueued: number;
  readonly maxQueuedPerKey: number;
  readonly maxWaitMs: number;
  readonly faults: PoolFaults;
  /** Whether the process that gave this reply should be replaced; by default none is. */
  readonly isSpent?: (reply: Reply) => boolean;
};

type Slot<Job, Reply> = {
  readonly child: ChildProcess;
  ready: boolean;
  task: Task<Job, Reply> | undefined;
};

type Pool<Job, Reply> = {
  readonly options: ProcessPoolOptions<Job, Reply>;
  readonly slots: Set<Slot<Job, Reply>>;
  readonly queue: WaitQueue<Job, Reply>;
  failedStarts: number;
  closed: boolean;
};

// A process that cannot start (no memory, no file descriptors) must fail those who wait, not be tried for ever.
const MAX_FAILED_STARTS = 3;

/** Starts nothing before the first job; idle processes do not keep this one alive. */
export function createProcessPool<Job extends object, Reply>(
  options: ProcessPoolOptions<Job, Reply>,
): ProcessPool<Job, Reply> {
  const { busy } = options.faults;
  // One process is out of reach of any single key, even when nobody else waits: what is endless is known only by its
  // end, and whoever comes in between would wait for that.
  const queue = createWaitQueue<Job, Reply>(
    { ...options, maxBusyPerKey: Math.max(1, options.size - 1) },
    busy,
  );
  const pool: Pool<Job, Reply> = { options, slots: new Set(), queue, failedStarts: 0, closed: false };
  return {
    run(job, turn = {}) {
      if (pool.closed) return Promise.reject(busy("The pool is closed"));
      const reply = queue.add(job, turn);
      pump(pool);
      return reply;
    },
    close: () => close(pool),
  };
}

function pump<Job extends object, Reply>(pool: Pool<Job, Reply>): void {
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

function start<Job extends object, Reply>(pool: Pool<Job, Reply>): void {
  const slot: Slot<Job, Reply> = {
    child: startProcess(pool.options.program),
    ready: false,
    task: undefined,
  };
  pool.slots.add(slot);
  slot.child.on("message", (message) => onMessage(pool, slot, message));
  slot.child.on("exit", (code, signal) => onExit(pool, slot, code, signal));
  // A process that could not be started has no exit event.
  slot.child.on("error", () => slot.child.pid === undefined && onExit(pool, slot, null, null));
}

function assign<Job extends object, Reply>(
  pool: Pool<Job, Reply>,
  slot: Slot<Job, Reply>,
  task: Task<Job, Reply>,
): void {
  const { faults } = pool.options;
  const timeoutMs = pool.options.timeoutMs(task.job);
  slot.task = task;
  task.onAbort = (reason) => stop(pool, slot, task, reason);
  setHold(slot.child, true);
  task.timer = setTimeout(() => {
    // When this process itself was busy, the answer may lie unread: look at the messages once before judging.
    setImmediate(() => slot.task === task && stop(pool, slot, task, faults.time(timeoutMs)));
  }, timeoutMs);
  try {
    slot.child.send(task.job, (error) => error !== null && slot.child.kill("SIGKILL"));
  } catch {
    // The process never saw the job.
    release(pool, slot);
    task.reject(faults.unsendable());
    // Not at once: pump may be what called.
    setImmediate(() => pump(pool));
  }
}

function release<Job extends object, Reply>(pool: Pool<Job, Reply>, slot: Slot<Job, Reply>): void {
  if (slot.task !== undefined) pool.queue.release(slot.task);
  slot.task = undefined;
  setHold(slot.child, false);
}

function onMessage<Job extends object, Reply>(
  pool: Pool<Job, Reply>,
  slot: Slot<Job, Reply>,
  message: unknown,
): void {
  const { task, ready } = slot;
  slot.ready = true;
  if (!ready) pool.failedStarts = 0;
  release(pool, slot);
  if (ready) {
    const reply = message as Reply;
    if (pool.options.isSpent?.(reply)) retire(slot);
    task?.resolve(reply);
  }
  pump(pool);
}

function stop<Job extends object, Reply>(
  pool: Pool<Job, Reply>,
  slot: Slot<Job, Reply>,
  task: Task<Job, Reply>,
  reason: unknown,
): void {
  // The slot counts until the process is gone, so that never more than `size` of them run.
  slot.task = undefined;
  pool.queue.release(task);
  retire(slot);
  task.reject(reason);
}

/** The exit that follows makes room for another process. */
function retire<Job, Reply>(slot: Slot<Job, Reply>): void {
  slot.ready = false;
  slot.child.kill("SIGKILL");
}

function onExit<Job extends object, Reply>(
  pool: Pool<Job, Reply>,
  slot: Slot<Job, Reply>,
  code: number | null,
  signal: string | null,
): void {
  if (!pool.slots.delete(slot)) return;
  const { faults } = pool.options;
  if (slot.task !== undefined) {
    pool.queue.release(slot.task);
    slot.task.reject(isAbort(code, signal) ? faults.memory() : faults.lost());
  }
  if (!slot.ready && signal !== "SIGKILL" && ++pool.failedStarts >= MAX_FAILED_STARTS) {
    pool.failedStarts = 0;
    pool.queue.rejectAll(faults.unavailable());
  }
  pump(pool);
}

async function close<Job extends object, Reply>(pool: Pool<Job, Reply>): Promise<void> {
  pool.closed = true;
  pool.queue.rejectAll(pool.options.faults.busy("The pool is closed"));
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
