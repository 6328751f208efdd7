// Planned schedules by transactions: few enough fires, and few enough bytes of input, for each to be short.
import type { PlannedSchedule } from "./settle-slots.ts";

const MOST_FIRES = 200;
/** As they are stored: a JSON text may be some times longer. */
const MOST_BYTES = 2_000_000;

/** In their order; one that is too much on its own is alone. */
export function splitChunks(planned: readonly PlannedSchedule[]): PlannedSchedule[][] {
  const chunks: PlannedSchedule[][] = [];
  let [fires, bytes] = [0, 0];
  for (const one of planned) {
    const [moreFires, moreBytes] = [
      Math.max(1, one.plan.fire.length),
      one.schedule.inputSize * Math.max(1, one.plan.fire.length),
    ];
    const chunk = chunks.at(-1);
    if (chunk && fires + moreFires <= MOST_FIRES && bytes + moreBytes <= MOST_BYTES) {
      chunk.push(one);
      fires += moreFires;
      bytes += moreBytes;
    } else {
      chunks.push([one]);
      [fires, bytes] = [moreFires, moreBytes];
    }
  }
  return chunks;
}
