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
  "audit",
  "scripts",
] as const;
export type Name = (typeof NAMES)[number];

/** `profile` and `command` are added where it is printed. */
export type Measurement = {
  name: string;
  unit: "executions/s" | "jobs/s" | "requests/s" | "entries/s" | "ms" | "MB" | "ratio";
  value: number;
  [detail: string]: unknown;
};

/** Three digits that mean something. */
export function round(value: number): number {
  return Number(value.toPrecision(4));
}
