// What a schedule would do, before and after it is saved: its next times, and no more than that.
import { type Actor, authorize, notFound } from "../../domain/roles.ts";
import type { Timing } from "../../domain/schedules/schedule.ts";
import type { Database } from "../../persistence/database.ts";
import { findSchedule, readClock } from "../../persistence/schedules/schedules.ts";
import { principalsOf } from "../principals-of.ts";
import { nextSlots, timetableOf } from "./judge-timing.ts";

export type PreviewService = ReturnType<typeof createPreviewService>;

/** Times are ISO 8601, from now on or from the start of the window; fewer than asked for when no more will come. */
export function createPreviewService({ database }: { database: Database }) {
  return {
    /** Throws `not_found` and `forbidden`. */
    async ofSchedule(actor: Actor, id: string, count: number): Promise<string[]> {
      const { schedule, now } = await database.transaction(principalsOf(actor), async (tx) => {
        const [now, schedule] = await Promise.all([readClock(tx), findSchedule(tx, id)]);
        return { schedule, now };
      });
      if (!schedule) throw notFound("schedule");
      authorize(actor, "schedule:read", schedule);
      return nextSlots(timetableOf(schedule), now, count);
    },
    /** Throws the codes of the timetable, as saving would. */
    async ofTiming(timing: Timing, count: number): Promise<string[]> {
      const timetable = timetableOf(timing);
      return nextSlots(timetable, await readClock(database), count);
    },
  };
}
