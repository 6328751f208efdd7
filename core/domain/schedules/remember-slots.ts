// Remembers the slots that a pattern has already given: finding one costs about 75 µs, finding it here well under 1 µs.
import type { FindNext } from "./read-cron.ts";

/** More than the 10,000 slots that a plan ever looks at in a row; 131 kB. */
const LONGEST_RUN = 16_384;

/** Slots next to each other: all that lie after `from`, up to the last one listed. */
type Run = { from: number; slots: number[] };

/**
 * The same answers as `find`. Holds two runs: a look elsewhere takes the place of the shorter one, so that a search
 * by halves does not cost the long one that counted an outage.
 */
export function rememberSlots(find: FindNext): FindNext {
  const runs: Run[] = [];
  return (afterMs) => {
    for (const run of runs) {
      const last = run.slots.at(-1) ?? run.from;
      if (afterMs >= run.from && afterMs < last) return firstAfter(run.slots, afterMs);
      if (afterMs === last) return append(run, find(afterMs));
    }
    const slot = find(afterMs);
    if (slot === null) return null;
    if (runs.length === 2)
      runs.splice((runs[0]?.slots.length ?? 0) < (runs[1]?.slots.length ?? 0) ? 0 : 1, 1);
    runs.push({ from: afterMs, slots: [slot] });
    return slot;
  };
}

function append(run: Run, slot: number | null): number | null {
  if (slot === null) return null;
  if (run.slots.length >= LONGEST_RUN) {
    run.from = run.slots.at(-1) ?? run.from;
    run.slots = [];
  }
  run.slots.push(slot);
  return slot;
}

function firstAfter(slots: readonly number[], afterMs: number): number | null {
  let low = 0;
  let high = slots.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((slots[middle] ?? 0) > afterMs) high = middle;
    else low = middle + 1;
  }
  return slots[low] ?? null;
}
