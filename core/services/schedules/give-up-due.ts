// An edit takes effect at once; slots that were due before it and had not been looked at are told of, not forgotten.
import { createId } from "../../crypto/new-id.ts";
import type { Executor } from "../../persistence/database.ts";
import { insertSkips } from "../../persistence/schedules/schedule-history.ts";
import type { Schedule } from "../../persistence/schedules/schedules.ts";
import { timetableOf } from "./judge-timing.ts";

/** Beyond so many they are not counted: each takes 75 µs, for which the row is held and the api serves nobody else. */
const MAX_COUNTED = 1_000;

/** `reason` as in core/domain/schedules/explain-slot.ts. */
export async function giveUpDue(
  tx: Executor,
  schedule: Schedule,
  { now, reason }: { now: number; reason: string },
): Promise<void> {
  if (schedule.nextRunAt === null) return;
  const first = Date.parse(schedule.nextRunAt);
  if (first > now) return;
  const { last, slots } = countDue(schedule, first, now);
  await insertSkips(tx, [
    {
      id: createId(),
      workspaceId: schedule.workspaceId,
      scheduleId: schedule.id,
      first: schedule.nextRunAt,
      last: new Date(last).toISOString(),
      slots,
      reason,
    },
  ]);
}

function countDue(schedule: Schedule, first: number, now: number): { last: number; slots: number | null } {
  let [last, slots] = [first, 1];
  try {
    const timetable = timetableOf(schedule);
    for (;;) {
      const next = timetable.next(last);
      if (next === null || next > now) return { last, slots };
      if (slots === MAX_COUNTED) return { last: now, slots: null };
      last = next;
      slots += 1;
    }
  } catch {
    // Its zone is no more: such a schedule must stay open to the edit that mends it.
    return { last: first, slots: null };
  }
}
