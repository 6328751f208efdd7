// A worker is told of an execution by the commit that accepts it, before any bell: for what somebody waits for.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";

export type EagerStart = { executionId: string; band: number };

/** Where the worker of this id (a UUID) listens. */
export function eagerChannel(workerId: string): string {
  return `atelier_eager_${workerId.replaceAll("-", "").toLowerCase()}`;
}

/** Said when the transaction commits; nobody answers, and whoever is gone or has no room does nothing. */
export function callWorker(
  tx: Executor,
  workerId: string,
  { executionId, band }: EagerStart,
): Promise<number> {
  return tx.run(sql`select pg_notify(${eagerChannel(workerId)}, ${`${executionId} ${band}`})`);
}

/** What `callWorker` has said. */
export function readEagerStart(payload: string): EagerStart {
  const [executionId = "", band] = payload.split(" ");
  return { executionId, band: Number(band) };
}
