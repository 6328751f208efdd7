// Executions over which workers died run alone, so that they take nobody with them; the others wait for that only so long.

export type Isolation = {
  /** Runs `work` beside others, after what runs alone or is about to. undefined: not run, the worker stops. */
  beside<Result>(work: () => Promise<Result>): Promise<Result | undefined>;
  /**
   * Runs `work` alone: after those under way, and for a while nothing else begins. false: it was not run, those under way
   * or others that run alone take too long. undefined: not run, the worker stops.
   */
  alone(work: () => Promise<void>): Promise<boolean | undefined>;
  /** Nothing begins any more, also not what waits. */
  stop(): void;
};

export type IsolationOptions = {
  /** Told when nothing else may begin here, and when it may again. */
  onShut?: (isShut: boolean) => void;
  patienceMs?: number;
  aloneMs?: number;
  restMs?: number;
};

/** Those under way may hold a worker shut for so long; they may run for hours. On a loaded machine 50 short ones took 5 s. */
const PATIENCE_MS = 8_000;
/** Then all that run alone, one after the other: what has not killed its worker by now goes on beside others. */
const ALONE_MS = 10_000;
/** After a worker was shut for as long as it may be, the others have it for so long. */
const REST_MS = 10_000;

/** Hears whether it may run; then it counts as under way. */
type Answer = (mayRun: boolean) => void;

export function createIsolation(options: IsolationOptions = {}): Isolation {
  const { onShut = () => {}, patienceMs = PATIENCE_MS, aloneMs = ALONE_MS, restMs = REST_MS } = options;
  let underWay = 0;
  let phase: "open" | "emptying" | "alone" = "open";
  let isResting = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const suspects: Answer[] = [];
  const others: Answer[] = [];

  const shut = () => {
    phase = "emptying";
    timer = setTimeout(expire, patienceMs);
    onShut(true);
  };
  const open = () => {
    phase = "open";
    clearTimeout(timer);
    for (const answer of suspects.splice(0)) answer(false);
    for (const answer of others.splice(0)) answer(!stopped);
    onShut(false);
  };
  const expire = () => {
    isResting = true;
    setTimeout(() => {
      isResting = false;
    }, restMs).unref();
    open();
  };
  const advance = () => {
    if (phase === "open" || underWay > 0) return;
    const next = suspects.shift();
    if (!next) return open();
    if (phase === "emptying") {
      clearTimeout(timer);
      timer = setTimeout(expire, aloneMs);
    }
    phase = "alone";
    next(true);
  };
  const awaitTurn = (line: Answer[]) =>
    new Promise<boolean>((resolve) => {
      line.push((mayRun) => {
        if (mayRun) underWay++;
        resolve(mayRun);
      });
    });
  const during = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } finally {
      underWay--;
      advance();
    }
  };

  return {
    async beside(work) {
      if (stopped) return undefined;
      if (phase === "open") underWay++;
      else if (!(await awaitTurn(others))) return undefined;
      return during(work);
    },
    async alone(work) {
      if (stopped) return undefined;
      if (isResting && underWay > 0) return false;
      const turn = awaitTurn(suspects);
      if (phase === "open") shut();
      advance();
      if (!(await turn)) return stopped ? undefined : false;
      await during(work);
      return true;
    },
    stop() {
      stopped = true;
      if (phase !== "open") open();
    },
  };
}
