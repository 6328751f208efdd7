// The instants at which a process may be made to die, for the fault tests: all of them, by name, in one list.

/** `<role>.<instant>`: between two things that must not both be lost, or must not both happen. */
export const CRASH_POINTS = [
  /** A ring was taken, nothing claimed. */
  "worker.after_ring",
  /** The claim is committed, nothing else. */
  "worker.after_claim",
  "worker.after_load",
  /** An effect is about to be announced in the journal. */
  "worker.before_step_start",
  /** Announced and committed, not sent. */
  "worker.after_step_start",
  /** The other side has done its part, we have not read its answer. */
  "worker.in_effect",
  /** A statement has changed another database for whoever commits it. */
  "worker.before_sql_commit",
  /** Committed there, and nobody here has heard of it. */
  "worker.after_sql_commit",
  /** The answer is known, and nowhere but here. */
  "worker.after_effect",
  /** Any write of the journal is committed, and nobody here has heard of it. */
  "worker.after_commit",
  /** That write has queued others (a child, a run woken meanwhile), nobody has rung for them. */
  "worker.after_queued",
  /** An attempt failed, the next one is due after a pause. */
  "worker.before_retry",
  "worker.before_finish",
  /** The end is committed, the ring still counts as being answered. */
  "worker.after_finish",
  /** Handed back to the queue and committed, not rung. */
  "worker.before_ring",
  /** What found no slot has a new wake number, committed, and no ring. */
  "worker.after_pass_on",
  /** A free place was given to the next in a line and committed, not rung. */
  "worker.after_call",
  "api.before_submit_commit",
  /** Committed, neither rung nor answered. */
  "api.after_submit_commit",
  "api.after_retry_commit",
  "api.after_fork_commit",
  /** A schedule was run by hand, or its slots made up for. */
  "api.after_trigger_commit",
  /** A person's word on an effect in doubt. */
  "api.after_decision_commit",
  "api.after_approval_commit",
  "api.after_cancel_commit",
  /** Taken back from a dead worker and committed, not rung. */
  "scheduler.after_reap",
  /** A place that nobody gave away was given to the next in a line, not rung. */
  "scheduler.after_call",
  /** Its time had come: queued and committed, not rung. */
  "scheduler.after_due",
  /** Given a new wake number and committed, not rung. */
  "scheduler.after_wake",
  /** Slots have fired in a transaction that is not committed. */
  "scheduler.before_fire_commit",
  /** Fired and committed, not rung. */
  "scheduler.after_fire_commit",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];
/** Die when `point` is passed for the `nth` time, counted from 1. */
export type CrashAt = { point: CrashPoint; nth: number };

let armed: { point: CrashPoint; left: number; die: () => void } | undefined;

/** Once per process, before it does anything; `die` must not return. Without `at` every point stays a comparison. */
export function armCrashPoint(at: CrashAt | undefined, die: () => void): void {
  armed = at && { point: at.point, left: at.nth, die };
}

/** Marks an instant: about 1 ns a passing when nothing is armed. */
export function crashPoint(point: CrashPoint): void {
  if (armed !== undefined && armed.point === point && --armed.left === 0) armed.die();
}

/** `<point>:<n>`; null for anything else. */
export function parseCrashAt(text: string): CrashAt | null {
  const [name = "", count = ""] = text.split(":");
  const point = CRASH_POINTS.find((known) => known === name);
  return point && /^[1-9]\d{0,8}$/.test(count) && text === `${name}:${count}`
    ? { point, nth: Number(count) }
    : null;
}
