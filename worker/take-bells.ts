// From bell to slot: what finds none soon is rung for again, so that another worker may take it.
import { AppError } from "#core/domain/app-error.ts";
import { crashPoint } from "#core/domain/crash-points.ts";
import type { Database } from "#core/persistence/database.ts";
import { passOn } from "#core/persistence/executions/pass-on.ts";
import type { DueExecution } from "#core/persistence/executions/rings.ts";
import { createGroupWriter } from "#core/persistence/group-writer.ts";
import type { ExecutionQueue } from "#core/queue/execution-queue.ts";
import type { Slots } from "./slots.ts";

export type BellTaker = {
  /** Runs what the bell is for as slots come free, what is of a lower band first. */
  take(executionIds: readonly string[], band: number): void;
  /** Resolves when what this worker gave up has been rung for. */
  drain(): Promise<void>;
};

export type BellTakerOptions = {
  database: Database;
  queue: Pick<ExecutionQueue, "ring">;
  slots: Slots;
  answer: (executionId: string) => Promise<void>;
  /** Executions that stay where they are: recovery rings for them. */
  onError: (error: unknown) => void;
};

/** They were first once: now they are, in their band. */
const FIRST = 10;
const MAX_BATCH = 200;

const toFirst = ({ id, wake, band }: DueExecution) => ({ executionId: id, wake, band, priority: FIRST });

export function createBellTaker({ database, queue, slots, answer, onError }: BellTakerOptions): BellTaker {
  const given = createGroupWriter<string, void>({
    async writeBatch(ids) {
      const due = await passOn(database, ids);
      // A ring that fails is not the ids' fault: to halve the batch would give all of them another wake.
      if (due.length > 0) crashPoint("worker.after_pass_on");
      await queue.ring(due.map(toFirst)).catch(onError);
      return ids.map(() => undefined);
    },
    maxBatch: MAX_BATCH,
    maxInFlight: 1,
    isShared: (error) => error instanceof AppError && error.retryable,
  });
  const run = async (executionId: string, band: number) => {
    if (await slots.run(() => answer(executionId), band)) return;
    await given.write(executionId);
  };
  return {
    take(executionIds, band) {
      for (const id of executionIds) run(id, band).catch(onError);
    },
    drain: () => given.drain(),
  };
}
