// Workers as administrators of the instance see them: who beats, who fell silent, how much each runs.
import { LEASE_MS } from "../../domain/execution.ts";
import type { IdPage } from "../../domain/id-page.ts";
import type { Database } from "../../persistence/database.ts";
import { listWorkers, type SeenWorker } from "../../persistence/executions/workers.ts";

export type WorkerService = { list(page: IdPage): Promise<SeenWorker[]> };

/** Routes let administrators in only; nothing here is anybody's work. */
export function createWorkerService({ database }: { database: Database }): WorkerService {
  return { list: (page) => listWorkers(database, { ...page, silentMs: LEASE_MS }) };
}
