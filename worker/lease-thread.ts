// The thread that keeps the leases: a node that blocks the main thread cannot stop it.

import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { LEASE_MS, RENEW_MS } from "#core/domain/execution.ts";
import { createDatabase } from "#core/persistence/database.ts";
import { renewLeases } from "#core/persistence/leases.ts";
import { recordHeartbeat } from "#core/persistence/workers.ts";

/** Main → thread. */
export type LeaseOrder = { kind: "hold" | "drop"; id: string } | { kind: "stop" };
/** Thread → main. */
export type LeaseReport =
  | { kind: "renewed"; lost: string[]; cancelled: string[] }
  | { kind: "late"; message: string };

const { databaseUrl, workerId } = workerData as { databaseUrl: string; workerId: string };
const held = new Set<string>();
const stopping = new AbortController();

parentPort?.on("message", (order: LeaseOrder) => {
  if (order.kind === "stop") stopping.abort();
  else if (order.kind === "hold") held.add(order.id);
  else held.delete(order.id);
});

const database = createDatabase({ databaseUrl, role: "atelier_worker", maxConnections: 1 });
while (!stopping.signal.aborted) {
  await renewOnce();
  await delay(RENEW_MS, undefined, { signal: stopping.signal }).catch(() => {});
}
await database.close();
parentPort?.close();

async function renewOnce(): Promise<void> {
  const ids = [...held];
  try {
    await recordHeartbeat(database, workerId);
    if (ids.length === 0) return;
    const renewed = await renewLeases(database, { owner: workerId, ids, leaseMs: LEASE_MS });
    const kept = new Set(renewed.map((lease) => lease.id));
    const report: LeaseReport = {
      kind: "renewed",
      // Dropped while the statement ran: finished, not lost.
      lost: ids.filter((id) => !kept.has(id) && held.has(id)),
      cancelled: renewed.filter((lease) => lease.cancelRequested).map((lease) => lease.id),
    };
    parentPort?.postMessage(report);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    parentPort?.postMessage({ kind: "late", message } satisfies LeaseReport);
  }
}
