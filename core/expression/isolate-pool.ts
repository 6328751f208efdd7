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

export type IsolatePool = {
  /** Rejects with `expression_limit`, or with a retryable error when the pool is overloaded, broken or closed. */
  run(job: IsolateJob): Promise<IsolateReply>;
  close(): Promise<void>;
};

export type IsolatePoolOptions = {
  readonly size: number;
  /** From handing the job to an idle process to its answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxOldSpaceMb: number;
  readonly maxQueued: number;
  readonly maxWaitMs: number;
};

type Task = {
  readonly job: IsolateJob;
  readonly resolve: (reply: IsolateReply) => void;
  readonly reject: (error: Error) => void;
  timer?: NodeJS.Timeout;
};

type Slot = { readonly child: ChildProcess; ready: boolean; task: Task | undefined };

// A process that cannot start (no memory, no file descriptors) must fail those who wait, not be tried for ever.
const MAX_FAILED_STARTS = 3;

export function createIsolatePool(options: IsolatePoolOptions): IsolatePool {
  const slots = new Set<Slot>();
  const queue: Task[] = [];
  let failedStarts = 0;
  let closed = false;

  function pump(): void {
    while (queue.length > 0) {
      const idle = [...slots].find((slot) => slot.ready && slot.task === undefined);
      const task = idle === undefined ? undefined : queue.shift();
      if (idle === undefined || task === undefined) break;
      assign(idle, task);
    }
    const starting = [...slots].filter((slot) => !slot.ready).length;
    if (queue.length > starting && slots.size < options.size) start();
  }

  function start(): void {
    const slot: Slot = { child: startIsolate(options.maxOldSpaceMb), ready: false, task: undefined };
    slots.add(slot);
    slot.child.on("message", (message) => onMessage(slot, message));
    slot.child.on("exit", (code, signal) => onExit(slot, code, signal));
    // A failed fork has no exit event.
    slot.child.on("error", () => onExit(slot, null, null));
    pump();
  }

  function assign(slot: Slot, task: Task): void {
    clearTimeout(task.timer);
    slot.task = task;
    setHold(slot.child, true);
    task.timer = setTimeout(() => {
      // When this process itself was busy, the answer may lie unread: look at the messages once before judging.
      setImmediate(() => {
        if (slot.task === task) onTimeout(slot, task);
      });
    }, options.timeoutMs);
    try {
      slot.child.send(task.job, (error) => error && slot.child.kill("SIGKILL"));
    } catch {
      // Functions, symbols and nesting beyond the stack cannot be sent; the process never saw the job.
      release(slot, task);
      task.reject(failedError("D0000", "The data the expression reads is not plain JSON"));
      pump();
    }
  }

  function release(slot: Slot, task: Task): void {
    clearTimeout(task.timer);
    slot.task = undefined;
    setHold(slot.child, false);
  }

  function onMessage(slot: Slot, message: unknown): void {
    const task = slot.task;
    if (!slot.ready) {
      slot.ready = true;
      failedStarts = 0;
      setHold(slot.child, false);
    } else if (task !== undefined) {
      release(slot, task);
      task.resolve(message as IsolateReply);
    }
    pump();
  }

  function onTimeout(slot: Slot, task: Task): void {
    slot.task = undefined;
    slot.child.kill("SIGKILL");
    task.reject(limitError("time", `The expression took longer than ${options.timeoutMs} ms`));
  }

  function onExit(slot: Slot, code: number | null, signal: string | null): void {
    if (!slots.delete(slot)) return;
    const task = slot.task;
    if (task !== undefined) {
      clearTimeout(task.timer);
      task.reject(isAbort(code, signal) ? memoryError(options.maxOldSpaceMb) : lostError());
    }
    if (!slot.ready && ++failedStarts >= MAX_FAILED_STARTS) {
      failedStarts = 0;
      failAll(
        new AppError("expression_unavailable", "No process for expressions starts", { retryable: true }),
      );
    }
    if (!closed) pump();
  }

  function failAll(error: Error): void {
    for (const task of queue.splice(0)) {
      clearTimeout(task.timer);
      task.reject(error);
    }
  }

  function enqueue(job: IsolateJob): Promise<IsolateReply> {
    if (closed) return Promise.reject(busyError("The evaluator is closed"));
    if (queue.length >= options.maxQueued) return Promise.reject(busyError("Too many expressions wait"));
    return new Promise((resolve, reject) => {
      const task: Task = { job, resolve, reject };
      task.timer = setTimeout(() => {
        queue.splice(queue.indexOf(task), 1);
        reject(busyError(`The expression waited longer than ${options.maxWaitMs} ms for its turn`));
      }, options.maxWaitMs);
      queue.push(task);
      pump();
    });
  }

  async function close(): Promise<void> {
    closed = true;
    failAll(busyError("The evaluator is closed"));
    const exits = [...slots].map(({ child }) => new Promise((resolve) => child.once("exit", resolve)));
    for (const { child } of slots) {
      setHold(child, true);
      child.kill("SIGKILL");
    }
    await Promise.all(exits);
  }

  return { run: enqueue, close };
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

function busyError(message: string): Error {
  return new AppError("expression_busy", message, { retryable: true });
}
