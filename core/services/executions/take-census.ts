// How many executions wait and run, for whoever watches the platform; never what they hold.
import { LEASE_MS } from "../../domain/execution.ts";
import type { Executor } from "../../persistence/database.ts";
import { type Census, takeCensus as readCensus } from "../../persistence/executions/backlog.ts";

export type { Census };

/** A worker silent for longer than a lease is one that recovery takes executions from. */
export function takeCensus(database: Executor): Promise<Census | null> {
  return readCensus(database, LEASE_MS);
}
