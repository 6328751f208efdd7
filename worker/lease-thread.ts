// The thread that keeps the leases: a node that blocks the main thread cannot stop it.

import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { LEASE_MS, RENEW_MS } from "#core/domain/execution.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { findCancelled } from "#core/persistence/executions/find-cancelled.ts";
import { renewLeases } from "#core/persistence/executions/leases.ts";
import { recordHeartbeat } from "#core/persistence/executions/workers.ts";

/** A claim by its fence: the same worker may lose an execution and claim it again before it has let go. */
export type HeldLease = { id: string; fence: number };
/** Main → thread. */
export type LeaseOrder = { kind: "hold" | "drop"; leases: readonly HeldLease[] } | { kind: "stop" };
/** Thread → main. */
export type LeaseReport =
  | { kind: "renewed"; lost: HeldLease[]; cancelled: string[] }
  | { kind: "late"; message: string };

/**
 * Somebody who cancels waits for it: what runs hears of it within this and the time of two statements, and its children a
 * second later at most.
 */
const LOOK_MS = 500;

const { databaseUrl, workerId } = workerData as { databaseUrl: string; workerId: string };
const held = new Map<string, number>();
const stopping = new AbortController();

parentPort?.on("message", (order: LeaseOrder) => {
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
while (!stopping.signal.aborted) {
  const now = performance.now();
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
