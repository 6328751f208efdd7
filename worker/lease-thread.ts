// The thread that keeps the leases: a node that blocks the main thread cannot stop it.

import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { LEASE_MS, RENEW_MS } from "#core/domain/execution.ts";
import { createLogger } from "#core/logger.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { findCancelled } from "#core/persistence/executions/find-cancelled.ts";
import { renewLeases } from "#core/persistence/executions/leases.ts";
import { recordHeartbeat } from "#core/persistence/executions/workers.ts";

/** A claim by its fence: the same worker may lose an execution and claim it again before it has let go. */
export type HeldLease = { id: string; fence: number };
/** Main → thread. */
export type LeaseOrder =
  | { kind: "hold" | "drop"; leases: readonly HeldLease[] }
  | { kind: "alive" }
  | { kind: "stop" };
/** Thread → main. */
export type LeaseReport =
  | { kind: "renewed"; lost: HeldLease[]; cancelled: string[] }
  | { kind: "late"; message: string };

/**
 * Somebody who cancels waits for it: what runs hears of it within this and the time of two statements, and its children a
 * second later at most.
 */
const LOOK_MS = 500;

export type LeaseThreadData = { databaseUrl: string; workerId: string; silenceMs: number };

const { databaseUrl, workerId, silenceMs } = workerData as LeaseThreadData;
const held = new Map<string, number>();
const stopping = new AbortController();

let silentMs = 0;

parentPort?.on("message", (order: LeaseOrder) => {
  silentMs = 0;
  if (order.kind === "alive") return;
  if (order.kind === "stop") stopping.abort();
  else if (order.kind === "hold") for (const { id, fence } of order.leases) held.set(id, fence);
  else for (const { id, fence } of order.leases) if (held.get(id) === fence) held.delete(id);
});

// A server that does not answer at all must not use up the whole lease.
const database = createDatabase({
  databaseUrl,
  role: "atelier_worker",
  maxConnections: 1,
  queryTimeoutMs: LEASE_MS / 2,
});
let renewedAt = Number.NEGATIVE_INFINITY;
let lookedAt = performance.now();
while (!stopping.signal.aborted) {
  const now = performance.now();
  // A process that was stopped as a whole has not been silent all that time.
  silentMs += Math.min(now - lookedAt, 2 * LOOK_MS);
  lookedAt = now;
  if (silentMs > silenceMs) endProcess();
  if (now - renewedAt > RENEW_MS - LOOK_MS / 2) {
    renewedAt = now;
    await renewOnce();
  } else await lookOnce();
  const rest = Math.max(0, LOOK_MS - (performance.now() - now));
  await delay(rest, undefined, { signal: stopping.signal }).catch(() => {});
}
await database.close();
parentPort?.close();

async function lookOnce(): Promise<void> {
  try {
    const cancelled = await findCancelled(database, { owner: workerId, ids: [...held.keys()] });
    if (cancelled.length > 0) tell({ kind: "renewed", lost: [], cancelled });
  } catch {
    // The next renewal meets the same trouble, and says so.
  }
}

async function renewOnce(): Promise<void> {
  const asked = [...held].map(([id, fence]) => ({ id, fence }));
  try {
    await recordHeartbeat(database, workerId, asked.length);
    if (asked.length === 0) return;
    const ids = asked.map((lease) => lease.id);
    const renewed = await renewLeases(database, { owner: workerId, ids, leaseMs: LEASE_MS });
    const kept = new Map(renewed.map((lease) => [lease.id, lease.fence]));
    const report: LeaseReport = {
      kind: "renewed",
      // Dropped while the statement ran: finished, not lost.
      lost: asked.filter(({ id, fence }) => kept.get(id) !== fence && held.get(id) === fence),
      cancelled: renewed.filter((lease) => lease.cancelRequested).map((lease) => lease.id),
    };
    tell(report);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    tell({ kind: "late", message });
  }
}

function tell(report: LeaseReport): void {
  parentPort?.postMessage(report);
}

/** The leases of a main thread that does nothing any more must run out; only a signal ends a process from another thread. */
function endProcess(): void {
  // A thread's stdout goes by the main thread, which hears nothing: past it, and before the signal.
  const logger = createLogger("worker", "info", { write: (line) => void writeSync(1, line) });
  logger.fatal(
    { workerId, silenceMs, held: held.size },
    "the main thread does not answer, ending the process",
  );
  process.kill(process.pid, "SIGKILL");
}
