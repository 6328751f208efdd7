// Fires schedules, in every scheduler at once: what is due, what is late and what waits for its turn, each in a loop of its own.
import type { Logger } from "#core/logger.ts";
import type { Firing } from "#core/services/schedules/fire-due.ts";
import { type Loop, type LoopWork, runLoop } from "./run-loop.ts";

/** The longest sleep, so that edits are seen. */
const LOOK_MS = 500;
const RETRY_MS = 500;
/** A round over what waits takes no more than a quarter of the time, unless it takes longer than a third of the longest rest. */
const REST_SHARE = 3;
const LONGEST_REST_MS = 5_000;

export type FiringLoop = Loop & {
  /** When the slowest of the loops last dealt with some of it, in milliseconds since the epoch; 0: never. */
  lastLookAt(): number;
};

export function startFiringLoop(firing: Firing, logger: Logger): FiringLoop {
  const loops = [
    startLoop(logger, async ({ signal, rest }, onProgress) => {
      const nextMs = await firing.look(signal, onProgress);
      // A timer may be a millisecond early, and what is not due yet is looked at again.
      await rest(Math.min(LOOK_MS, nextMs));
    }),
    startLoop(logger, async ({ signal, rest }, onProgress) => {
      const isMore = await firing.catchUp(signal, onProgress);
      if (!isMore) await rest(LOOK_MS);
    }),
    startLoop(logger, async ({ signal, rest }, onProgress) => {
      const began = performance.now();
      await firing.takeTurns(signal, onProgress);
      await rest(restAfter(performance.now() - began));
    }),
  ];
  return {
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
    lastLookAt: () => Math.min(...loops.map((loop) => loop.lastProgressAt())),
  };
}

/** After a round over what waits that took so many ms. */
export function restAfter(ms: number): number {
  return Math.min(LONGEST_REST_MS, Math.max(LOOK_MS, REST_SHARE * ms));
}

type Turn = Parameters<LoopWork["run"]>[0];

function startLoop(logger: Logger, run: (turn: Turn, onProgress: () => void) => Promise<void>) {
  let lastProgressAt = 0;
  const onProgress = () => {
    lastProgressAt = Date.now();
  };
  const loop = runLoop({
    run: (turn) => run(turn, onProgress),
    onError: (error) => logger.warn({ err: error }, "schedules could not be fired, trying again"),
    retryMs: RETRY_MS,
  });
  return { ...loop, lastProgressAt: () => lastProgressAt };
}
