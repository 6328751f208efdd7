// The platform's own timers, by name: a queue each, made by the migrations; times are cron in UTC.

export const TIMERS = {
  /** Nightly: month partitions exist a year ahead. */
  "maintain-partitions": "17 3 * * *",
} as const satisfies Readonly<Record<string, string>>;

export type TimerName = keyof typeof TIMERS;
