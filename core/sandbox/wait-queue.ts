// The lines in front of the sandbox processes, one per tenant: bounded in length and in time, served in turn.

/** `key`: whose work it is; all without one share a line. `signal`: its abort ends waiting and running. */
export type TurnOptions = { readonly key?: string; readonly signal?: AbortSignal };

/** Whoever takes a task must settle it, sets what `onAbort` does from then on, and may use `timer`, which settling clears. */
export type Task<Job, Reply> = {
  readonly job: Job;
  readonly key: string;
  readonly resolve: (reply: Reply) => void;
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

/** What those hear who cannot be served: a retryable error of the room that uses the queue. */
export type BusyError = (message: string) => Error;

export type WaitQueue<Job, Reply> = {
  /** How many calls of `take` would give a task now. */
  takeable(): number;
  /**
   * Rejects with a busy error when the line is full or the turn does not come in time, or with the reason of the
   * abort.
   */
  add(job: Job, options: TurnOptions): Promise<Reply>;
  /** The longest waiting task of the key whose last turn is the longest ago. */
  take(): Task<Job, Reply> | undefined;
  /** Must follow every `take` once, when the task does not run any more. */
  release(task: Task<Job, Reply>): void;
  rejectAll(error: Error): void;
};

type Line<Job, Reply> = { readonly tasks: Set<Task<Job, Reply>>; busy: number };

export function createWaitQueue<Job, Reply>(
  limits: WaitQueueLimits,
  busyError: BusyError,
): WaitQueue<Job, Reply> {
  // In the order of turns: a key moves to the end when it gets one and again when that ends, so that who arrived while
  // another used a process comes before it.
  const lines = new Map<string, Line<Job, Reply>>();
  let queued = 0;

  function moveToEnd(key: string, line: Line<Job, Reply>): void {
    lines.delete(key);
    if (line.tasks.size > 0 || line.busy > 0) lines.set(key, line);
  }

  function drop(task: Task<Job, Reply>): void {
    const line = lines.get(task.key);
    if (!line?.tasks.delete(task)) return;
    queued--;
    clearTimeout(task.timer);
    if (line.tasks.size === 0 && line.busy === 0) lines.delete(task.key);
  }

  function enqueue(task: Task<Job, Reply>): void {
    const line = lines.get(task.key) ?? { tasks: new Set<Task<Job, Reply>>(), busy: 0 };
    lines.set(task.key, line);
    line.tasks.add(task);
    queued++;
    task.onAbort = (reason) => {
      drop(task);
      task.reject(reason);
    };
    task.timer = setTimeout(() => {
      drop(task);
      task.reject(busyError(`Its turn did not come within ${limits.maxWaitMs} ms`));
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
        return Promise.reject(busyError("Too many others wait"));
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

type Settle<Reply> = { resolve(reply: Reply): void; reject(error: unknown): void };

/** Settling takes the listener off the signal, which may live as long as the run. */
function createTask<Job, Reply>(
  job: Job,
  key: string,
  signal: AbortSignal | undefined,
  settle: Settle<Reply>,
): Task<Job, Reply> {
  const onAbort = () => task.onAbort(signal?.reason);
  const end = () => {
    clearTimeout(task.timer);
    signal?.removeEventListener("abort", onAbort);
  };
  const task: Task<Job, Reply> = {
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
