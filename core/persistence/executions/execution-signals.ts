// Hears over one LISTEN connection which watched executions changed, and wakes those who wait, and which people did.
import type { Database } from "../database.ts";
import { IDENTITY_CHANNEL } from "../identity/identity-changes.ts";
import { openListenConnection } from "../listen-connection.ts";
import { EXECUTION_CHANNEL } from "./write-journal.ts";

export type ExecutionSignals = {
  /**
   * Resolves when the execution changed (or may have: after a lost connection everybody is woken), the signal
   * was aborted, or after `timeoutMs`; true: it was heard of. Register before the change can happen.
   */
  wait(executionId: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<boolean>;
  /** Calls `hear` with each person announced by announceIdentityChange; null: the connection was cut, anybody may be. */
  onIdentityChange(hear: (userId: string | null) => void): void;
  close(): Promise<void>;
};

export async function openExecutionSignals(
  database: Database,
  onError: (error: unknown) => void,
): Promise<ExecutionSignals> {
  const waiting = new Map<string, Set<(isHeard?: boolean) => void>>();
  const hearers: Array<(userId: string | null) => void> = [];
  const tell = (userId: string | null) => {
    for (const hear of hearers) hear(userId);
  };
  const connection = await openListenConnection(database, {
    channels: {
      [EXECUTION_CHANNEL](executionId) {
        for (const wake of waiting.get(executionId) ?? []) wake(true);
      },
      [IDENTITY_CHANNEL]: tell,
    },
    onGap() {
      for (const wakes of waiting.values()) for (const wake of wakes) wake();
      tell(null);
    },
    onError,
  });

  return {
    wait: (executionId, { timeoutMs, signal }) =>
      new Promise<boolean>((resolve) => {
        const wakes = waiting.get(executionId) ?? new Set();
        waiting.set(executionId, wakes);
        const wake = (isHeard = false) => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", giveUp);
          wakes.delete(wake);
          if (wakes.size === 0 && waiting.get(executionId) === wakes) waiting.delete(executionId);
          resolve(isHeard);
        };
        const giveUp = () => wake();
        const timer = setTimeout(giveUp, timeoutMs);
        wakes.add(wake);
        if (signal?.aborted) giveUp();
        else signal?.addEventListener("abort", giveUp, { once: true });
      }),
    onIdentityChange: (hear) => void hearers.push(hear),
    close: () => connection.close(),
  };
}
