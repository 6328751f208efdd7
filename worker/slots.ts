// How many executions run here at once. What came with a bell and finds no slot waits unclaimed.

export type Slots = {
  /** A slot is free and nobody waits for one. */
  hasRoom(): boolean;
  /** Resolves when a slot is free and nobody waits for one. */
  awaitFree(): Promise<void>;
  /** Runs `work` as soon as there is a slot; drops it when the worker stops before. */
  run(work: () => Promise<void>): Promise<void>;
  /** Drops what waits. */
  stop(): void;
};

export function createSlots(count: number): Slots {
  let free = count;
  let stopped = false;
  let waiting: ((admitted: boolean) => void)[] = [];
  let onFree: (() => void)[] = [];

  const hasRoom = () => free > 0 && waiting.length === 0;

  const release = () => {
    free++;
    const next = waiting.shift();
    if (next) {
      free--;
      next(true);
    }
    if (hasRoom()) for (const resolve of onFree.splice(0)) resolve();
  };

  const admit = (): Promise<boolean> => {
    if (stopped) return Promise.resolve(false);
    if (free > 0) {
      free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => waiting.push(resolve));
  };

  return {
    hasRoom,
    awaitFree: () =>
      hasRoom() ? Promise.resolve() : new Promise((resolve) => (onFree = [...onFree, resolve])),
    async run(work) {
      if (!(await admit())) return;
      try {
        await work();
      } finally {
        release();
      }
    },
    stop() {
      stopped = true;
      for (const drop of waiting) drop(false);
      waiting = [];
    },
  };
}
