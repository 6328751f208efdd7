// The thread that keeps the leases: a node that blocks the main thread cannot stop it.

import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { LEASE_MS, RENEW_MS } from "#core/domain/execution.ts";
import { createDatabase } from "#core/persistence/database.ts";
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
while (!stopping.signal.aborted) {
  await renewOnce();
  await delay(RENEW_MS, undefined, { signal: stopping.signal }).catch(() => {});
}
await database.close();
parentPort?.close();

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
    parentPort?.postMessage(report);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ kind: "late", message } satisfies LeaseReport);
  }
}
