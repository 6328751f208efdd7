// What a worker has taken and not claimed is for others.
import type { Executor } from "../database.ts";
import { sql } from "../sql.ts";
import { callQueued } from "./claim-limited.ts";
import type { DueExecution } from "./rings.ts";

/** Those of `ids` that are still queued and stand in no line, under a wake of their own; they are to be rung. */
export function passOn(database: Executor, ids: readonly string[]): Promise<DueExecution[]> {
  return callQueued(
    database,
    sql`select id from workflow_executions where id = any(${ids}::uuid[]) and rung_at < 'infinity'`,
  );
}
