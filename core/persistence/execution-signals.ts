// Hears which watched executions changed, over one LISTEN connection, and wakes those who wait for them.
import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "./database.ts";
import { EXECUTION_CHANNEL } from "./write-journal.ts";

export type ExecutionSignals = {
  /**
   * Resolves when the execution changed (or may have: after a lost connection everybody is woken), the signal
   * was aborted, or after `timeoutMs`. Register before the change can happen.
   */
  wait(executionId: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<void>;
  close(): Promise<void>;
};

const RECONNECT_MS = 500;

export async function openExecutionSignals(
  database: Database,
  onError: (error: unknown) => void,
): Promise<ExecutionSignals> {
  const waiting = new Map<string, Set<() => void>>();
  const closing = new AbortController();
  const wakeAll = () => {
    for (const wakes of waiting.values()) for (const wake of wakes) wake();
  };

  const listen = async () => {
    const client = await database.connect("signals");
    client.on("notification", (message) => {
      for (const wake of waiting.get(message.payload ?? "") ?? []) wake();
    });
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    try {
      await client.query(`listen ${EXECUTION_CHANNEL}`);
    } catch (error) {
      await client.end().catch(() => {});
      throw error;
    }
    return { client, ended };
  };

  let connection = await listen();
  const loop = (async () => {
    while (!closing.signal.aborted) {
      await connection.ended;
      wakeAll();
      while (!closing.signal.aborted) {
        try {
          connection = await listen();
          wakeAll();
          break;
        } catch (error) {
          onError(error);
          await delay(RECONNECT_MS, undefined, { signal: closing.signal }).catch(() => {});
        }
      }
    }
  })();

  return {
    wait: (executionId, { timeoutMs, signal }) =>
      new Promise<void>((resolve) => {
        const wakes = waiting.get(executionId) ?? new Set();
        waiting.set(executionId, wakes);
        const wake = () => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", wake);
          wakes.delete(wake);
          if (wakes.size === 0 && waiting.get(executionId) === wakes) waiting.delete(executionId);
          resolve();
        };
        const timer = setTimeout(wake, timeoutMs);
        wakes.add(wake);
        if (signal?.aborted) wake();
        else signal?.addEventListener("abort", wake, { once: true });
      }),
    async close() {
      closing.abort();
      wakeAll();
      await connection.client.end();
      await loop;
      // The loop may have been in the middle of making a new one.
      await connection.client.end();
    },
  };
}
