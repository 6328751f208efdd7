// The guarded updates on one execution as pure functions: what claim, renewal, journal, reaper, cancel and ring may do.
import { canMove, type ExecutionStatus, isTerminal, MAX_CRASHES } from "../../../core/domain/execution.ts";

export type Owner = "A" | "B";
export type End = "succeeded" | "failed" | "cancelled" | "queued" | "waiting";

export type ExecutionRow = {
  status: ExecutionStatus;
  fence: number;
  owner: Owner | null;
  /** The lease has run out on the database's clock. */
  expired: boolean;
  crashes: number;
  cancelRequested: boolean;
  wake: number;
};

/** False is a mutant: fences are not compared; what woke a run while it ran is forgotten when it begins to wait. */
export type Rules = { fenced: boolean; wakesCounted: boolean };
export const STRICT: Rules = { fenced: true, wakesCounted: true };

export const FRESH: ExecutionRow = {
  status: "queued",
  fence: 0,
  owner: null,
  expired: false,
  crashes: 0,
  cancelRequested: false,
  wake: 0,
};

const unowned = { owner: null, expired: false } as const;

/** Null wherever the guard refuses: no row comes back. */
export function claim(row: ExecutionRow, owner: Owner, crashesBelow: number): ExecutionRow | null {
  if (row.status !== "queued" || row.crashes >= crashesBelow) return null;
  return moved(row, "running", { fence: row.fence + 1, owner, expired: false });
}

/** A renewal comes in time or late: it counts as long as nobody has taken the execution back. */
export function renew(row: ExecutionRow, owner: Owner): ExecutionRow | null {
  if (row.status !== "running" || row.owner !== owner) return null;
  return { ...row, expired: false };
}

export function expire(row: ExecutionRow): ExecutionRow | null {
  return row.status === "running" ? { ...row, expired: true } : null;
}

/** `beating`: the owner's heart still beats, so that it is no crash. */
export function reap(row: ExecutionRow, beating: boolean): ExecutionRow | null {
  if (row.status !== "running" || !row.expired) return null;
  const crashes = row.crashes + (beating ? 0 : 1);
  const status = row.cancelRequested ? "cancelled" : crashes >= MAX_CRASHES ? "failed" : "queued";
  return moved(row, status, { ...unowned, crashes, wake: row.wake + 1, fence: row.fence + 1 });
}

/** May a step be written under this fence? */
export function holds(row: ExecutionRow, fence: number, { fenced }: Rules): boolean {
  return row.status === "running" && (!fenced || row.fence === fence);
}

/** `wake` is the one the run was claimed with: a later one has news for it, so it does not begin to wait. */
export function finish(
  row: ExecutionRow,
  { fence, wake }: { fence: number; wake: number },
  to: End,
  rules: Rules,
): ExecutionRow | null {
  if (!holds(row, fence, rules)) return null;
  const isWoken = rules.wakesCounted && row.wake > wake;
  const waits = row.cancelRequested ? "cancelled" : isWoken ? "queued" : "waiting";
  // Handed back, it would be claimed only to be told.
  const goesOn = row.cancelRequested ? "cancelled" : "queued";
  const status = to === "waiting" ? waits : to === "queued" ? goesOn : to;
  const crashes = to === "waiting" ? 0 : row.crashes;
  return moved(row, status, { ...unowned, crashes, wake: row.wake + (to === "queued" ? 1 : 0) });
}

/** The time of what waits has come. */
export function wakeDue(row: ExecutionRow): ExecutionRow | null {
  return row.status === "waiting" ? moved(row, "queued", { wake: row.wake + 1 }) : null;
}

/** Somebody has answered a step: what waits goes on, what runs is told by its wake, what is queued reads it anyway. */
export function hearAnswer(row: ExecutionRow): ExecutionRow | null {
  if (row.status === "running") return { ...row, wake: row.wake + 1 };
  return wakeDue(row);
}

export function cancel(row: ExecutionRow): ExecutionRow | null {
  if (isTerminal(row.status)) return null;
  if (row.status === "running") return { ...row, cancelRequested: true };
  return moved(row, "cancelled", { cancelRequested: true });
}

/** The reconciler rings anew what the queue has forgotten. */
export function ringAnew(row: ExecutionRow, wake: number): ExecutionRow | null {
  return row.status === "queued" && row.wake === wake ? { ...row, wake: wake + 1 } : null;
}

export function mayRetry(row: ExecutionRow): boolean {
  return row.status === "failed" || row.status === "cancelled";
}

/** Every move is one of the domain's table, whatever the guard above allowed. */
function moved(row: ExecutionRow, to: ExecutionStatus, change: Partial<ExecutionRow>): ExecutionRow {
  if (!canMove(row.status, to)) throw new Error(`${row.status} cannot become ${to}`);
  return { ...row, ...change, status: to };
}
