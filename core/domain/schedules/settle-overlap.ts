// What becomes of slots that are to fire while the schedule's last execution may still be there.
import type { Overlap } from "./schedule.ts";

/** Slots next to each other that do not fire; instants in ms since the epoch. */
export type SkippedRun = {
  first: number;
  last: number;
  /** null: too many to count. */
  slots: number | null;
  reason: string;
  /** The one that was in the way; "first": the first that starts now. */
  executionId?: string | "first" | null;
};

export type SettledSlots = {
  /** Start now, oldest first. */
  start: number[];
  /** Start when those before them have ended. */
  wait: number[];
  skipped: SkippedRun[];
  /** To be cancelled: what starts now takes its place. */
  cancel: string | null;
};

/** More slots of a schedule never wait for their turn. */
export const MOST_PENDING = 1_000;

/**
 * `slots` oldest first; `liveId` is the schedule's last execution while it has not ended, `pending` how many of its
 * slots wait already. Pure.
 */
export function settleOverlap(
  slots: readonly number[],
  { overlap, liveId, pending }: { overlap: Overlap; liveId: string | null; pending: number },
): SettledSlots {
  const none = { start: [], wait: [], skipped: [], cancel: null };
  if (slots.length === 0) return none;
  switch (overlap) {
    case "allow":
      return { ...none, start: [...slots] };
    case "skip":
      return liveId === null
        ? { ...none, start: slots.slice(0, 1), skipped: runOf(slots.slice(1), "overlap", "first") }
        : { ...none, skipped: runOf(slots, "overlap", liveId) };
    case "cancel":
      // The older of several would be cancelled as soon as they have started.
      return {
        ...none,
        start: slots.slice(-1),
        skipped: runOf(slots.slice(0, -1), "replaced", "first"),
        cancel: liveId,
      };
    case "queue": {
      const start = liveId === null && pending === 0 ? slots.slice(0, 1) : [];
      const rest = slots.slice(start.length);
      const room = Math.max(0, MOST_PENDING - pending);
      const skipped = runOf(rest.slice(room), "queue_full", liveId);
      return { ...none, start, wait: rest.slice(0, room), skipped };
    }
  }
}

/** None, or one run of all of them. */
export function runOf(
  slots: readonly number[],
  reason: string,
  executionId: SkippedRun["executionId"] = null,
): SkippedRun[] {
  const [first] = slots;
  const last = slots.at(-1);
  return first === undefined || last === undefined
    ? []
    : [{ first, last, slots: slots.length, reason, executionId }];
}
