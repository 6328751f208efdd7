// Knows whether anything of a run still moves; what rests is let go when nothing does.

/** Longer timers overflow and would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export type Standstill = {
  /** A node has begun to move. Every call is answered by one `end`. */
  begin(): void;
  end(): void;
  /**
   * For a node that moves: rests until `due` (milliseconds since the epoch; null: for ever). Resolves to `due` when
   * the time has come while other branches still moved, to `standstill` when nothing moved any more. Rejects with
   * the reason of an abort.
   */
  rest(due: number | null): Promise<"due" | "standstill">;
  /** The earliest time for which somebody rested at the standstill; null: none. */
  earliest(): number | null;
};

type Rest = { due: number | null; end: (how: "due" | "standstill") => void };

/** `now` is in milliseconds since the epoch on the database clock. */
export function createStandstill(now: () => number, signal: AbortSignal): Standstill {
  const resting = new Set<Rest>();
  let moving = 0;
  let earliest: number | null = null;

  // Between the end of one node and the start of the next there are only promises, and no macrotask.
  const look = () => setImmediate(() => moving === 0 && letGo());
  const letGo = () => {
    for (const rest of resting) {
      if (rest.due !== null) earliest = Math.min(earliest ?? rest.due, rest.due);
      rest.end("standstill");
    }
  };
  const end = () => {
    moving--;
    if (moving === 0 && resting.size > 0) look();
  };

  return {
    begin: () => void moving++,
    end,
    earliest: () => earliest,
    async rest(due) {
      signal.throwIfAborted();
      let timer: NodeJS.Timeout | undefined;
      const { promise, resolve, reject } = Promise.withResolvers<"due" | "standstill">();
      const rest: Rest = { due, end: resolve };
      const onAbort = () => reject(signal.reason);
      const arm = (at: number) => {
        const left = at - now();
        if (left <= 0) resolve("due");
        else timer = setTimeout(() => arm(at), Math.min(left, MAX_TIMER_MS));
      };
      signal.addEventListener("abort", onAbort, { once: true });
      resting.add(rest);
      if (due !== null) arm(due);
      end();
      try {
        return await promise;
      } finally {
        moving++;
        resting.delete(rest);
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      }
    },
  };
}
