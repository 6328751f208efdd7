// What a schedule can be told to do with slots that come late or while it is still busy.

/** What becomes of slots that were not looked at in time: none, the newest, or all of them. */
export const MISFIRES = ["skip", "once", "all"] as const;
export type Misfire = (typeof MISFIRES)[number];

/** What becomes of a slot while the execution before it has not ended. */
export const OVERLAPS = ["allow", "skip", "queue", "cancel"] as const;
export type Overlap = (typeof OVERLAPS)[number];

/** `slot`: by the clock; `backfill`: made up for by somebody; `manual`: by hand, for no slot. */
export const FIRE_KINDS = ["slot", "backfill", "manual"] as const;
export type FireKind = (typeof FIRE_KINDS)[number];

export const FIRE_OUTCOMES = ["fired", "pending", "skipped"] as const;
export type FireOutcome = (typeof FIRE_OUTCOMES)[number];

/** When a schedule is due, as people say it; times are ISO 8601. Either `cron` or `runAt` is there. */
export type Timing = {
  cron: string | null;
  runAt: string | null;
  timezone: string;
  startAt: string | null;
  endAt: string | null;
};
