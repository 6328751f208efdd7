// Executions over which one worker died begin a few at a time: should one of them kill the next, few innocents count twice.

export type FewAtOnce = {
  /**
   * Runs `work` once fewer than the few others are in their first second, in the order they came; what has not killed its
   * worker by then makes room.
   */
  run<Result>(work: () => Promise<Result>): Promise<Result>;
};

export type FewAtOnceOptions = { few?: number; youngMs?: number };

/** The 50 that a worker had in hand have begun within 7 s, however long they run; 7 innocent ones run alone after the next death. */
const FEW = 8;
const YOUNG_MS = 1_000;

export function createFewAtOnce({ few = FEW, youngMs = YOUNG_MS }: FewAtOnceOptions = {}): FewAtOnce {
  let young = 0;
  const waiting: (() => void)[] = [];

  // The place is handed on, not freed, so that nobody overtakes who waits.
  const leave = () => {
    const next = waiting.shift();
    if (next) next();
    else young--;
  };

  return {
    async run(work) {
      if (young >= few) await new Promise<void>((resolve) => waiting.push(resolve));
      else young++;
      let isYoung = true;
      const grow = () => {
        clearTimeout(timer);
        if (isYoung) leave();
        isYoung = false;
      };
      const timer = setTimeout(grow, youngMs);
      try {
        return await work();
      } finally {
        grow();
      }
    },
  };
}
