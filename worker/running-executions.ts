// What this worker is running now, and how to stop it.
import { AppError } from "#core/domain/app-error.ts";

export type RunningExecutions = {
  /** Counts `work` as under way. */
  during(work: () => Promise<void>): Promise<void>;
  /**
   * Returns the signal that ends the run. A run of an earlier claim of the same execution, still on its way out,
   * is told that it has lost it.
   */
  add(execution: Claim): AbortSignal;
  remove(execution: Claim): void;
  count(): number;
  /** Rings in hand, also those that wait to be claimed. */
  underWay(): number;
  cancel(executionId: string): void;
  /** Nothing happens when a later claim runs here. */
  lose(execution: Claim): void;
  /** Resolves when nothing is under way, or after `ms` milliseconds. */
  whenIdle(ms: number): Promise<void>;
  /** Hands everything back to the queue, also what is being claimed at this moment. */
  handBack(): void;
  isStopping(): boolean;
};

export type Claim = { id: string; fence: number };

export function createRunningExecutions(): RunningExecutions {
  const runs = new Map<string, { fence: number; controller: AbortController }>();
  let underWay = 0;
  let stopping = false;
  let onIdle: (() => void) | undefined;

  const lost = () => new AppError("lease_lost", "Another worker has taken this execution over");
  const shutdown = () => new AppError("shutdown", "The worker is stopping");

  return {
    async during(work) {
      underWay++;
      try {
        await work();
      } finally {
        underWay--;
        if (underWay === 0) onIdle?.();
      }
    },
    add({ id, fence }) {
      runs.get(id)?.controller.abort(lost());
      const controller = new AbortController();
      runs.set(id, { fence, controller });
      if (stopping) controller.abort(shutdown());
      return controller.signal;
    },
    remove({ id, fence }) {
      if (runs.get(id)?.fence === fence) runs.delete(id);
    },
    count: () => runs.size,
    underWay: () => underWay,
    cancel: (id) => runs.get(id)?.controller.abort(new AppError("cancelled", "Cancelled on request")),
    lose({ id, fence }) {
      const run = runs.get(id);
      if (run?.fence === fence) run.controller.abort(lost());
    },
    async whenIdle(ms) {
      if (underWay === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    handBack() {
      stopping = true;
      for (const { controller } of runs.values()) controller.abort(shutdown());
    },
    isStopping: () => stopping,
  };
}
