// What this worker is running now, and how to stop it.
import { AppError } from "#core/domain/app-error.ts";

export type RunningExecutions = {
  /** Returns the signal that ends the run. */
  add(executionId: string): AbortSignal;
  remove(executionId: string): void;
  count(): number;
  /** Aborts one with an AppError code; nothing happens when it is not running here. */
  abort(executionId: string, code: "cancelled" | "lease_lost", message: string): void;
  /** Resolves when none is left, or after `ms` milliseconds. */
  whenIdle(ms: number): Promise<void>;
  /** Hands everything back to the queue. */
  handBack(): void;
};

export function createRunningExecutions(): RunningExecutions {
  const controllers = new Map<string, AbortController>();
  let onIdle: (() => void) | undefined;

  return {
    add(executionId) {
      const controller = new AbortController();
      controllers.set(executionId, controller);
      return controller.signal;
    },
    remove(executionId) {
      controllers.delete(executionId);
      if (controllers.size === 0) onIdle?.();
    },
    count: () => controllers.size,
    abort: (executionId, code, message) => controllers.get(executionId)?.abort(new AppError(code, message)),
    async whenIdle(ms) {
      if (controllers.size === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    handBack() {
      for (const controller of controllers.values()) {
        controller.abort(new AppError("shutdown", "The worker is stopping"));
      }
    },
  };
}
