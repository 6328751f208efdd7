// Lets at most `limit` pieces of work run at once; the others wait in the order they came.

export type Semaphore = <Result>(work: () => Promise<Result>) => Promise<Result>;

export function createSemaphore(limit: number): Semaphore {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      // The place is handed on, not freed, so that nobody overtakes who waits.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
