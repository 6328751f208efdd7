// Group commit: gathers what concurrent callers have ready and writes it as one batch; callers wait for theirs.

export type GroupWriter<Item, Result> = {
  /** Resolves or rejects with this item's own result, after its commit. */
  write(item: Item): Promise<Result>;
  /** Resolves when nothing is pending. */
  drain(): Promise<void>;
};

export type GroupWriterOptions<Item, Result> = {
  /** Results in the order of the items. A rejection is the whole batch's: it is halved until the bad item is alone. */
  writeBatch(items: readonly Item[]): Promise<Result[]>;
  maxBatch: number;
  /** What an item weighs, and how much a batch may weigh; one item alone may weigh more. */
  weigh?: { of(item: Item): number; max: number };
  /** Batches in flight at once. Two keep PostgreSQL busy while the next one gathers. */
  maxInFlight: number;
  /** A failure that is not any item's fault (the database is away): not worth halving. */
  isShared(error: unknown): boolean;
  /** Told after each batch, whatever became of it: its items, and how long it took in seconds. */
  observe?: ((items: number, seconds: number) => void) | undefined;
};

type Waiting<Item, Result> = {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
};

export function createGroupWriter<Item, Result>(
  options: GroupWriterOptions<Item, Result>,
): GroupWriter<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let inFlight = 0;
  let scheduled = false;
  let onIdle: (() => void)[] = [];

  const writeBatch = async (items: readonly Item[]): Promise<Result[]> => {
    const startedAt = performance.now();
    try {
      return await options.writeBatch(items);
    } finally {
      options.observe?.(items.length, (performance.now() - startedAt) / 1_000);
    }
  };

  const commit = async (batch: Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await writeBatch(batch.map((entry) => entry.item));
      for (const [index, entry] of batch.entries()) entry.resolve(results[index] as Result);
    } catch (error) {
      if (batch.length === 1 || options.isShared(error)) {
        for (const entry of batch) entry.reject(error);
        return;
      }
      const middle = batch.length >> 1;
      await commit(batch.slice(0, middle));
      await commit(batch.slice(middle));
    }
  };

  const pump = () => {
    scheduled = false;
    while (waiting.length > 0 && inFlight < options.maxInFlight) {
      const batch = waiting.slice(0, countForBatch(waiting, options));
      waiting = waiting.slice(batch.length);
      inFlight++;
      void commit(batch).finally(() => {
        inFlight--;
        pump();
      });
    }
    if (waiting.length === 0 && inFlight === 0) {
      for (const resolve of onIdle.splice(0)) resolve();
    }
  };

  return {
    write: (item) =>
      new Promise<Result>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        // One turn of the event loop gathers what arrived together, at no latency worth the name.
        if (!scheduled) {
          scheduled = true;
          setImmediate(pump);
        }
      }),
    drain: () =>
      waiting.length === 0 && inFlight === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            onIdle = [...onIdle, resolve];
          }),
  };
}

function countForBatch<Item, Result>(
  waiting: readonly Waiting<Item, Result>[],
  { maxBatch, weigh }: GroupWriterOptions<Item, Result>,
): number {
  if (!weigh) return maxBatch;
  let weight = 0;
  for (const [index, entry] of waiting.slice(0, maxBatch).entries()) {
    weight += weigh.of(entry.item);
    if (weight > weigh.max) return Math.max(index, 1);
  }
  return maxBatch;
}
