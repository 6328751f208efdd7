// What a bench says: one of these per line.

export const PROFILES = ["embedded", "redis"] as const;
/** embedded: BullMQ on the same PostgreSQL; redis: BullMQ on a Redis beside it. */
export type Profile = (typeof PROFILES)[number];

export const NAMES = [
  "bullmq",
  "closed-loop",
  "batch",
  "fairness",
  "wait",
  "chain",
  "for-each",
  "memory",
  "second-worker",
  "audit",
  "scripts",
  "schedules",
] as const;
/** Only when asked for: minutes long, or on a platform of its own. */
export const ON_REQUEST: readonly string[] = ["memory", "second-worker", "schedules"];
export type Name = (typeof NAMES)[number];

/** `profile` and `command` are added where it is printed. */
export type Measurement = {
  name: string;
  unit: "executions/s" | "jobs/s" | "requests/s" | "entries/s" | "per second" | "ms" | "MB" | "ratio";
  value: number;
  [detail: string]: unknown;
};

/** Three digits that mean something. */
export function round(value: number): number {
  return Number(value.toPrecision(4));
}
