// Lets the event loop turn in the midst of long reckoning: recovery, health and all else of the process would wait for its end.
import { setImmediate } from "node:timers/promises";

/** Call it between steps; every 5 ms it lets others have their turn. */
export type Breathe = () => Promise<void>;

const LONGEST_MS = 5;

export function createBreath(): Breathe {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < LONGEST_MS) return;
    await setImmediate();
    since = performance.now();
  };
}
