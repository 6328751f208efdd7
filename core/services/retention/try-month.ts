// Work on a month's partitions, which asks for locks so briefly that nobody waits for it: tried again while others read them.
import { setTimeout as delay } from "node:timers/promises";
import { type Database, type Executor, NOBODY } from "../../persistence/database.ts";

/** Each try stands in others' way for 50 ms a lock at most. */
const TRIES = 20;
const PAUSE_MS = 1_000;

export type TryOptions = { signal?: AbortSignal; tries?: number; pauseMs?: number };

/** Each try in a transaction of its own: its locks end with it. Resolves to "busy" when the last one was. */
export async function tryMonth<Verdict extends string>(
  database: Database,
  work: (tx: Executor) => Promise<Verdict | "busy">,
  { signal, tries = TRIES, pauseMs = PAUSE_MS }: TryOptions,
): Promise<Verdict | "busy"> {
  for (let tried = 1; ; tried += 1) {
    const verdict = await database.transaction(NOBODY, work);
    if (verdict !== "busy" || tried >= tries || signal?.aborted) return verdict;
    await delay(pauseMs, undefined, { signal }).catch(() => {});
  }
}
