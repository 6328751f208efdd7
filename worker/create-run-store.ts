// The engine's durability over PostgreSQL: group commit, and patience while the database is away.
import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import type { JournalWrite } from "#core/domain/journal.ts";
import type { RunStore } from "#core/engine/run-store.ts";
import type { Logger } from "#core/logger.ts";
import type { Database } from "#core/persistence/database.ts";
import { writeJournal } from "#core/persistence/executions/write-journal.ts";
import { createGroupWriter } from "#core/persistence/group-writer.ts";
import { awaitDatabase, isUnavailable } from "./await-database.ts";

const MAX_BATCH = 200;
/** JSON of one statement; PostgreSQL refuses a jsonb array of 256 MB, and long before that everybody waits. */
const MAX_BATCH_BYTES = 16_777_216;

export type DrainableRunStore = RunStore & { drain(): Promise<void> };

/**
 * Writes of concurrent executions share a commit. While the database is away a write is tried again: the lease
 * decides whether it still counts when it arrives.
 */
export function createRunStore(
  database: Database,
  logger?: Pick<Logger, "warn">,
  observe?: (writes: number, seconds: number) => void,
): DrainableRunStore {
  const writer = createGroupWriter<JournalWrite, boolean>({
    async writeBatch(batch) {
      const held = await writeJournal(database, batch, (gone) =>
        logger?.warn(gone, "execution failed, its error workflow is archived or gone"),
      );
      return batch.map((write) => held.has(write));
    },
    maxBatch: MAX_BATCH,
    weigh: { of: (write) => write.bytes ?? 0, max: MAX_BATCH_BYTES },
    maxInFlight: 2,
    isShared: isUnavailable,
    observe,
  });

  return {
    async write(write) {
      const held = await awaitDatabase(() => writer.write(write));
      crashPoint("worker.after_commit");
      if (!held) throw new AppError("lease_lost", "Another worker has taken this execution over");
    },
    drain: () => writer.drain(),
  };
}
