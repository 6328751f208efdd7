// The engine's one port to durability. Implemented over PostgreSQL by the worker.
import type { JournalWrite } from "#core/domain/journal.ts";

export type RunStore = {
  /**
   * Resolves when the write is committed. Rejects with `lease_lost` when the execution is no longer ours:
   * then nothing of it was written and nothing more may be done for it.
   */
  write(write: JournalWrite): Promise<void>;
};
