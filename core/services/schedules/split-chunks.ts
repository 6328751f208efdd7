// Work on schedules by transactions: few enough fires, and few enough bytes of input, for each to be short.
import type { ReadySchedule } from "../../persistence/schedules/pending-fires.ts";
import type { PlannedSchedule } from "./settle-slots.ts";

/** What a schedule takes of a transaction. */
export type Weight = { fires: number; bytes: number };

const MOST_FIRES = 200;
/** Of the inputs of a transaction, as JSON texts: they are in memory several times, and PostgreSQL writes each of them. */
const MOST_BYTES = 2_000_000;

/** In their order, each chunk as soon as the next one begins; one that is too much on its own is alone. */
export async function* splitChunks<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  weigh: (item: Item) => Weight,
): AsyncGenerator<Item[]> {
  let chunk: Item[] = [];
  let [fires, bytes] = [0, 0];
  for await (const item of items) {
    const more = weigh(item);
    if (chunk.length > 0 && (fires + more.fires > MOST_FIRES || bytes + more.bytes > MOST_BYTES)) {
      yield chunk;
      chunk = [];
      [fires, bytes] = [0, 0];
    }
    chunk.push(item);
    fires += more.fires;
    bytes += more.bytes;
  }
  if (chunk.length > 0) yield chunk;
}

/** How many executions with inputs of so many bytes one transaction may start, at most `most`. */
export function fittingInputs(inputBytes: number, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(MOST_BYTES / inputBytes)));
}

/** Its input is read once, and written for each execution that starts: of one, unless they may overlap. */
export function weighPlanned({ schedule, plan }: PlannedSchedule): Weight {
  const fires = Math.max(1, plan.fire.length);
  return { fires, bytes: schedule.inputBytes * (schedule.overlap === "allow" ? fires : 1) };
}

/** How much of a transaction it takes: 1 is all of it, more than one is too much. */
export function partOfTransaction(planned: PlannedSchedule): number {
  const { fires, bytes } = weighPlanned(planned);
  return Math.max(fires / MOST_FIRES, bytes / MOST_BYTES);
}

/** Of one schedule whose slots wait, where its executions may overlap. */
const MOST_TURNS = 100;

/** How many of the slots that wait may start at once. */
export function turnsOf({ overlap, inputBytes }: Pick<ReadySchedule, "overlap" | "inputBytes">): number {
  return overlap === "allow" ? fittingInputs(inputBytes, MOST_TURNS) : 1;
}

export function weighReady(ready: ReadySchedule): Weight {
  const fires = turnsOf(ready);
  return { fires, bytes: ready.inputBytes * fires };
}
