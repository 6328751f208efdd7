// Counts what one evaluation costs, so that a closure on the event loop is bounded by work, not by trust.

import { limitError } from "./expression-errors.ts";

/** `work` counts array items visited, values compared and characters written. */
export type Meter = { work: number; readonly maxBytes: number };

// Two million steps take 20 to 60 ms here; an expression that needs more belongs into a code node.
const MAX_WORK = 2_000_000;

export function newMeter(maxBytes: number): Meter {
  return { work: MAX_WORK, maxBytes };
}

/** Throws `expression_limit` when the evaluation has done more than it may. */
export function spend(meter: Meter, amount: number): void {
  meter.work -= amount;
  if (meter.work < 0) throw limitError("work", "The expression visits too much data");
}
