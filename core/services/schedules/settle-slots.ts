// Of schedules that are held: which of their planned slots start, wait or are skipped.

import { createId } from "../../crypto/new-id.ts";
import type { SlotPlan } from "../../domain/schedules/plan-slots.ts";
import { runOf, type SkippedRun, settleOverlap } from "../../domain/schedules/settle-overlap.ts";
import { writeInstant } from "../../domain/schedules/write-instant.ts";
import type { NewExecution, Room } from "../../persistence/executions/insert-executions.ts";
import type { DueSchedule } from "../../persistence/schedules/find-due.ts";
import type { HeldSchedule } from "../../persistence/schedules/hold-schedules.ts";
import type { SkipRow } from "../../persistence/schedules/write-fires.ts";
import { executionOfSlot, whyBarred } from "./execution-of-slot.ts";

export type PlannedSchedule = { schedule: DueSchedule; plan: SlotPlan };

export type Start = { fireId: string; slot: number; execution: NewExecution };

export type SettledSchedule = {
  schedule: DueSchedule;
  held: HeldSchedule;
  starts: Start[];
  wait: number[];
  skipped: SkippedRun[];
  cancel: string | null;
  nextRunAt: number | null;
  /** The workspace's queue has no room for all of it: the rest stays due. */
  isFull: boolean;
};

/** `taken` are slots that were dealt with before, as `<schedule> <ms>`. */
export function settleSlots(
  { schedule, plan }: PlannedSchedule,
  held: HeldSchedule,
  taken: ReadonlySet<string>,
): SettledSchedule {
  const slots = plan.fire.filter((slot) => !taken.has(`${schedule.id} ${slot}`));
  const barred = whyBarred(held);
  const { start, wait, skipped, cancel } =
    barred === null
      ? settleOverlap(slots, held)
      : { start: [], wait: [], skipped: runOf(slots, barred), cancel: null };
  const starts = start.map((slot) => ({
    fireId: createId(),
    slot,
    execution: executionOfSlot(held, { id: createId(), slot, kind: "slot" }),
  }));
  const all = [...plan.skipped, ...skipped];
  return { schedule, held, starts, wait, skipped: all, cancel, nextRunAt: plan.nextRunAt, isFull: false };
}

/** In their order, as far as the queues of their workspaces have room. Those that `rooms` does not name have it for all. */
export function fitRooms(settled: readonly SettledSchedule[], rooms: readonly Room[]): SettledSchedule[] {
  const left = new Map(rooms.map(({ workspaceId, room }) => [workspaceId, room]));
  return settled.map((one) => {
    const { workspaceId } = one.held;
    const room = left.get(workspaceId) ?? Number.POSITIVE_INFINITY;
    left.set(workspaceId, Math.max(0, room - one.starts.length));
    const first = one.starts[room];
    if (first === undefined) return one;
    // Those that give way to one that starts now are found again with it.
    const giving = one.skipped.filter(({ executionId }) => executionId === "first").map((run) => run.first);
    return cutShort(one, room, Math.min(first.slot, ...giving));
  });
}

/** Only what comes before `from`: everything from there on is found again. */
function cutShort(one: SettledSchedule, room: number, from: number): SettledSchedule {
  return {
    ...one,
    starts: one.starts.slice(0, room),
    wait: [],
    skipped: one.skipped.filter(({ last }) => last < from),
    cancel: null,
    nextRunAt: from,
    isFull: true,
  };
}

export function skipRowsOf({ held, skipped, starts }: SettledSchedule): SkipRow[] {
  return skipped.map(({ first, last, slots, reason, executionId = null }) => ({
    id: createId(),
    scheduleId: held.id,
    workspaceId: held.workspaceId,
    first: writeInstant(first),
    last: writeInstant(last),
    slots,
    reason,
    executionId: executionId === "first" ? (starts[0]?.execution.id ?? null) : executionId,
  }));
}
