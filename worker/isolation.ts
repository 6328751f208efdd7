// Executions over which workers died run alone, so that they take nobody with them.

export type Isolation = {
  /** Runs `work` beside others, or alone: after those under way, before those that come later. */
  run<Result>(alone: boolean, work: () => Promise<Result>): Promise<Result>;
};

export function createIsolation(): Isolation {
  let running = 0;
  let exclusive = false;
  const waiting: { alone: boolean; start: () => void }[] = [];

  const admit = () => {
    for (let next = waiting[0]; next; next = waiting[0]) {
      if (exclusive || (next.alone && running > 0)) return;
      waiting.shift();
      running++;
      exclusive = next.alone;
      next.start();
    }
  };

  return {
    async run(alone, work) {
      await new Promise<void>((start) => {
        waiting.push({ alone, start });
        admit();
      });
      try {
        return await work();
      } finally {
        running--;
        if (alone) exclusive = false;
        admit();
      }
    },
  };
}
