// The line in front of the isolated processes: bounded in length and in time, so that overload is an answer, not a pile.

import { AppError } from "#core/domain/app-error.ts";
import type { IsolateJob, IsolateReply } from "./isolate-evaluate.ts";

/** Whoever takes a task must settle it, and clears `timer`, which until then bounds the wait. */
export type Task = {
  readonly job: IsolateJob;
  readonly resolve: (reply: IsolateReply) => void;
  readonly reject: (error: Error) => void;
  timer?: NodeJS.Timeout;
};

export type WaitQueue = {
  readonly size: () => number;
  /** Rejects with the retryable `expression_busy` when the line is full or the turn does not come in time. */
  add(job: IsolateJob): Promise<IsolateReply>;
  /** The longest waiting task. */
  take(): Task | undefined;
  rejectAll(error: Error): void;
};

export function createWaitQueue(maxQueued: number, maxWaitMs: number): WaitQueue {
  // A Set keeps the order and forgets a task in constant time when its wait is over.
  const tasks = new Set<Task>();

  function take(): Task | undefined {
    for (const task of tasks) {
      tasks.delete(task);
      clearTimeout(task.timer);
      return task;
    }
    return undefined;
  }

  return {
    size: () => tasks.size,
    add(job) {
      if (tasks.size >= maxQueued) return Promise.reject(busyError("Too many expressions wait"));
      return new Promise((resolve, reject) => {
        const task: Task = { job, resolve, reject };
        task.timer = setTimeout(() => {
          tasks.delete(task);
          reject(busyError(`The expression waited longer than ${maxWaitMs} ms for its turn`));
        }, maxWaitMs);
        tasks.add(task);
      });
    },
    take,
    rejectAll(error) {
      for (let task = take(); task !== undefined; task = take()) task.reject(error);
    },
  };
}

export function busyError(message: string): Error {
  return new AppError("expression_busy", message, { retryable: true });
}
