// One clock for a whole operation: resolution, connection, every redirect, the last byte.
import { timeoutError } from "./egress-errors.ts";

// A longer setTimeout fires at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export type DeadlineOptions = { timeoutMs: number; signal?: AbortSignal | undefined };

/** Runs `work`; rejects with `timeout` after `timeoutMs`, or with the signal's reason, whatever `work` throws because of it. */
export async function withDeadline<T>(
  { timeoutMs, signal: outer }: DeadlineOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer?.throwIfAborted();
  const controller = new AbortController();
  const expire = () => controller.abort(timeoutError(`no complete answer within ${timeoutMs} ms`));
  const timer = setTimeout(expire, Math.min(timeoutMs, LONGEST_TIMER_MS));
  const forward = () => controller.abort(outer?.reason);
  outer?.addEventListener("abort", forward, { once: true });
  try {
    return await work(controller.signal);
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener("abort", forward);
  }
}
