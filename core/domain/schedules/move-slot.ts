// Where a slot that was computed with other time zone data belongs now, so that it neither gets lost nor comes twice.
import type { Timetable } from "./timetable.ts";

/** Ms since the epoch. `stored`: the slot to come, later than `now`; `handled`: the last one that was dealt with. */
export type StoredSlot = { stored: number; now: number; handled: number | null };

/**
 * The slot to come by this timetable. A law moves the times of a zone by an hour or so: what was stored and what comes
 * now stand for the same wall time when they are nearer to each other than to the slots beside them. So one that fired under
 * its old time does not come again under its new one, and one whose new time has passed comes at its old one.
 */
export function moveSlot(timetable: Timetable, { stored, now, handled }: StoredSlot): number {
  let slot = timetable.next(now);
  const isHandled = slot !== null && handled !== null && slot - handled < stored - slot;
  if (slot !== null && isHandled) slot = timetable.next(slot);
  if (slot === null) return stored;
  if (slot <= stored) return slot;
  const twin = timetable.next(stored - (slot - stored));
  return twin !== null && twin <= now ? stored : slot;
}
