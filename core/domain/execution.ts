// The states of an execution and the only moves between them.

export const EXECUTION_STATUSES = [
  "queued",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
] as const;
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number];

const MOVES: Readonly<Record<ExecutionStatus, readonly ExecutionStatus[]>> = {
  queued: ["running", "cancelled"],
  running: ["waiting", "queued", "succeeded", "failed", "cancelled"],
  waiting: ["queued", "cancelled", "failed"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

export function canMove(from: ExecutionStatus, to: ExecutionStatus): boolean {
  return MOVES[from].includes(to);
}

/** The states from which `to` can be reached: the `where status = any(…)` of a guarded update. */
export function sourcesOf(to: ExecutionStatus): ExecutionStatus[] {
  return EXECUTION_STATUSES.filter((from) => canMove(from, to));
}

export function isTerminal(status: ExecutionStatus): boolean {
  return MOVES[status].length === 0;
}

/** Why an execution or a step failed, as it is stored and shown. */
export type ExecutionError = { code: string; message: string; nodeId?: string; details?: unknown };

export type StepStatus = "running" | "waiting" | "succeeded" | "failed" | "cancelled" | "unknown";

/** A queued execution unheard of for so long is looked for in the queue, in milliseconds. Longer than any claim takes. */
export const QUIET_MS = 3_000;
/** The lease of a claim and its renewal, in milliseconds on the database clock. */
export const LEASE_MS = 8_000;
export const RENEW_MS = 2_000;
/** After so many worker deaths with a node in flight an execution fails with `worker_lost`. */
export const MAX_CRASHES = 3;
/** How long a node may wait at most: a year, in milliseconds. */
export const MAX_WAIT_MS = 31_536_000_000;
/** How many executions may be above a sub-workflow's. */
export const MAX_DEPTH = 16;
/**
 * What a resumed execution may need of its journal, in bytes of a worker's memory (64 MiB); beyond, it ends with
 * `journal_too_large`. A worker with a small heap gives one an eighth of it, and a quarter to all together.
 */
export const MAX_JOURNAL_BYTES = 67_108_864;
/** A node's output in bytes of JSON; bigger things are files. */
export const MAX_OUTPUT_BYTES = 1_048_576;
