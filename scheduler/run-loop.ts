// What every loop of the scheduler is: work again and again until the stop, whatever the work throws.
import { setTimeout as delay } from "node:timers/promises";

export type Loop = {
  /** Aborts the signal, and resolves when the work has ended. */
  stop(): Promise<void>;
};

export type Turn = {
  /** Aborts at the stop. */
  signal: AbortSignal;
  /** Waits so many milliseconds, or until the stop. */
  rest(ms: number): Promise<void>;
};

export type LoopWork = {
  /** Called again as soon as it has resolved: it rests by itself. */
  run(turn: Turn): Promise<void>;
  /** Told what it threw; it is called again `retryMs` later. */
  onError(error: unknown): void;
  retryMs: number;
};

export function runLoop({ run, onError, retryMs }: LoopWork): Loop {
  const stopping = new AbortController();
  const { signal } = stopping;
  const rest = (ms: number) => delay(ms, undefined, { signal }).catch(() => {});
  const loop = (async () => {
    while (!signal.aborted) {
      try {
        await run({ signal, rest });
      } catch (error) {
        onError(error);
        await rest(retryMs);
      }
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await loop;
    },
  };
}
