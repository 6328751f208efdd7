// Moves slots to come that were computed with other time zone data: a new Node.js brings new data, the rows keep the old.
import { setImmediate, setTimeout } from "node:timers/promises";
import { AppError } from "../../domain/app-error.ts";
import { moveSlot } from "../../domain/schedules/move-slot.ts";
import { readTimetable } from "../../domain/schedules/timetable.ts";
import type { Database } from "../../persistence/database.ts";
import {
  findHandled,
  listStored,
  moveStored,
  type StoredSchedule,
} from "../../persistence/schedules/stored-slots.ts";

/** Reading a pattern and looking along it takes 0.3 ms: a portion is 30 ms of work, the pause leaves the rest to firing. */
const PORTION = 100;
const PAUSE_MS = 50;
const AT_ONCE = 10;
const FIRST_ID = "00000000-0000-0000-0000-000000000000";

/**
 * Resolves to how many were moved; ends early when the signal aborts. Any number of processes may: a slot that fires or
 * is edited meanwhile is left alone, and so is one that is due.
 */
export async function retimeSchedules(
  database: Database,
  { signal }: { signal: AbortSignal },
): Promise<number> {
  let moved = 0;
  for (let after = FIRST_ID; !signal.aborted; ) {
    const portion = await listStored(database, { after, limit: PORTION });
    for (const [index, schedule] of portion.entries()) {
      if (index > 0 && index % AT_ONCE === 0) await setImmediate();
      if (await retime(database, schedule)) moved++;
    }
    const last = portion.at(-1);
    if (!last || portion.length < PORTION) break;
    after = last.id;
    await setTimeout(PAUSE_MS, undefined, { signal }).catch(() => {});
  }
  return moved;
}

/** What can no longer be read is told of when it is due. */
async function retime(database: Database, schedule: StoredSchedule): Promise<boolean> {
  const { id, stored, now } = schedule;
  try {
    const timetable = readTimetable(schedule);
    if (timetable.next(now) === stored) return false;
    const handled = await findHandled(database, id);
    const slot = moveSlot(timetable, { stored, now, handled });
    return slot !== stored && (await moveStored(database, schedule, new Date(slot).toISOString()));
  } catch (error) {
    if (error instanceof AppError && !error.retryable) return false;
    throw error;
  }
}
