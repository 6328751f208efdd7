// The platform's own timers, by name: a queue each, made by the migrations; times are cron in UTC.

export const TIMERS = {
  /** Nightly: month partitions exist a year ahead. */
  "maintain-partitions": "17 3 * * *",
  /** Hourly: memberships that have ended leave, and the audit log says so; they count for nothing before. */
  "tidy-memberships": "7 * * * *",
  /** Nightly: past months of which nothing is left go. */
  "drop-months": "41 3 * * *",
  /** Hourly: executions and payloads that have outlived their workspace's days. */
  "expire-executions": "23 * * * *",
  /** Hourly: sessions, keys, tokens and counts that have had their day. */
  "sweep-rows": "47 * * * *",
} as const satisfies Readonly<Record<string, string>>;

export type TimerName = keyof typeof TIMERS;
