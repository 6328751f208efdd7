// Makes time and chance of an isolated process repeatable: a node computed again after a crash gives the same result.

import { createRandomState } from "#core/sandbox/random-state.ts";

const RealDate = Date;

/**
 * From here on `new Date()`, `Date.now()` and `Math.random()` answer from the execution, not from the machine. Patching
 * the globals catches every use inside JSONata ($now, $millis, $random, $shuffle, defaults of $toMillis) at once; it is
 * meant for the isolated process only.
 */
export function pinGlobals(startedAt: number, seed: string): void {
  class PinnedDate extends RealDate {
    constructor(...args: readonly unknown[]) {
      super(...((args.length === 0 ? [startedAt] : args) as [number]));
    }
    static override now(): number {
      return startedAt;
    }
  }
  globalThis.Date = PinnedDate as DateConstructor;
  Math.random = createRandom(seed);
}

/** Numbers in [0, 1) that depend on the text only (FNV-1a into a 32-bit Weyl sequence with a mixing step). */
export function createRandom(seed: string): () => number {
  let state = createRandomState(seed);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
