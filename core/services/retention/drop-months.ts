// Drops the partitions of months of which nothing is left, without making anybody wait who works.
import { setTimeout as delay } from "node:timers/promises";
import { type Database, NOBODY } from "../../persistence/database.ts";
import { dropEmptyMonth, listMonths } from "../../persistence/executions/partitions.ts";

/** Each try stands in others' way for 50 ms a lock at most. */
const TRIES = 20;
const PAUSE_MS = 1_000;

export type DropOptions = { signal?: AbortSignal; tries?: number; pauseMs?: number };

/** The months that went, as ISO 8601 of their first instants; those still in use are left to the next pass. */
export async function dropMonths(database: Database, options: DropOptions = {}): Promise<string[]> {
  const { signal, tries = TRIES, pauseMs = PAUSE_MS } = options;
  const dropped: string[] = [];
  for (const month of await listMonths(database)) {
    for (let tried = 0; tried < tries && !signal?.aborted; tried += 1) {
      // A transaction of its own: its locks end with it.
      const verdict = await database.transaction(NOBODY, (tx) => dropEmptyMonth(tx, month));
      if (verdict === "dropped") dropped.push(month);
      if (verdict === "young") return dropped;
      if (verdict !== "busy") break;
      await delay(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
  return dropped;
}
