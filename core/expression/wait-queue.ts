// The lines in front of the isolated processes, one per tenant: bounded in length and in time, served in turn.

import { AppError } from "#core/domain/app-error.ts";
import type { IsolateJob, IsolateReply } from "./isolate-evaluate.ts";

/** `key`: whose work it is; all without one share a line. `signal`: its abort ends waiting and running. */
export type TurnOptions = { readonly key?: string; readonly signal?: AbortSignal };

/** Whoever takes a task must settle it, sets what `onAbort` does from then on, and may use `timer`, which settling clears. */
export type Task = {
  readonly job: IsolateJob;
  readonly key: string;
  readonly resolve: (reply: IsolateReply) => void;
  readonly reject: (error: unknown) => void;
  onAbort: (reason: unknown) => void;
  timer?: NodeJS.Timeout;
};

export type WaitQueueLimits = {
  readonly maxQueued: number;
  readonly maxQueuedPerKey: number;
  /** Tasks of one key that may be taken and not yet released. */
  readonly maxBusyPerKey: number;
  readonly maxWaitMs: number;
};

export type WaitQueue = {
  /** How many calls of `take` would give a task now. */
  takeable(): number;
  /**
   * Rejects with the retryable `expression_busy` when the line is full or the turn does not come in time, or with the
   * reason of the abort.
   */
  add(job: IsolateJob, options: TurnOptions): Promise<IsolateReply>;
  /** The longest waiting task of the key whose last turn is the longest ago. */
  take(): Task | undefined;
  /** Must follow every `take` once, when the task does not run any more. */
  release(task: Task): void;
  rejectAll(error: Error): void;
};

type Line = { readonly tasks: Set<Task>; busy: number };

export function createWaitQueue(limits: WaitQueueLimits): WaitQueue {
  // In the order of turns: a key moves to the end when it gets one and again when that ends, so that who arrived while
  // another used a process comes before it.
  const lines = new Map<string, Line>();
  let queued = 0;

  function moveToEnd(key: string, line: Line): void {
    lines.delete(key);
    if (line.tasks.size > 0 || line.busy > 0) lines.set(key, line);
  }

  function drop(task: Task): void {
    const line = lines.get(task.key);
    if (!line?.tasks.delete(task)) return;
    queued--;
    clearTimeout(task.timer);
    if (line.tasks.size === 0 && line.busy === 0) lines.delete(task.key);
  }

  function enqueue(task: Task): void {
    const line = lines.get(task.key) ?? { tasks: new Set(), busy: 0 };
    lines.set(task.key, line);
    line.tasks.add(task);
    queued++;
    task.onAbort = (reason) => {
      drop(task);
      task.reject(reason);
    };
    task.timer = setTimeout(() => {
      drop(task);
      task.reject(busyError(`The expression waited longer than ${limits.maxWaitMs} ms for its turn`));
    }, limits.maxWaitMs);
  }

  return {
    takeable() {
      let count = 0;
      for (const { tasks, busy } of lines.values())
        count += Math.min(tasks.size, limits.maxBusyPerKey - busy);
      return count;
    },
    add(job, { key = "", signal }) {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (queued >= limits.maxQueued || (lines.get(key)?.tasks.size ?? 0) >= limits.maxQueuedPerKey) {
        return Promise.reject(busyError("Too many expressions wait"));
      }
      return new Promise((resolve, reject) => enqueue(createTask(job, key, signal, { resolve, reject })));
    },
    take() {
      for (const [key, line] of lines) {
        const [task] = line.tasks;
        if (task === undefined || line.busy >= limits.maxBusyPerKey) continue;
        line.busy++;
        drop(task);
        moveToEnd(key, line);
        return task;
      }
      return undefined;
    },
    release({ key }) {
      const line = lines.get(key);
      if (line === undefined) return;
      line.busy--;
      moveToEnd(key, line);
    },
    rejectAll(error) {
      for (const task of [...lines.values()].flatMap(({ tasks }) => [...tasks])) {
        drop(task);
        task.reject(error);
      }
    },
  };
}

type Settle = Pick<Task, "resolve" | "reject">;

/** Settling takes the listener off the signal, which may live as long as the run. */
function createTask(job: IsolateJob, key: string, signal: AbortSignal | undefined, settle: Settle): Task {
  const onAbort = () => task.onAbort(signal?.reason);
  const end = () => {
    clearTimeout(task.timer);
    signal?.removeEventListener("abort", onAbort);
  };
  const task: Task = {
    job,
    key,
    resolve(reply) {
      end();
      settle.resolve(reply);
    },
    reject(error) {
      end();
      settle.reject(error);
    },
    onAbort: () => {},
  };
  signal?.addEventListener("abort", onAbort, { once: true });
  return task;
}

export function busyError(message: string): Error {
  return new AppError("expression_busy", message, { retryable: true });
}
