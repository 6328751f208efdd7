// When a failed attempt is tried again: exponential back-off with full jitter, Retry-After honoured.
import type { RetryPolicy } from "./graph.ts";

export const NO_RETRY: RetryPolicy = { maxAttempts: 1, backoffMs: 0, maxBackoffMs: 0 };

/**
 * Milliseconds to wait before the next attempt after `failures` failed ones, or null when no more are allowed.
 * `random` is in [0, 1).
 */
export function nextRetryMs(
  policy: RetryPolicy,
  failures: number,
  random: number,
  retryAfterMs = 0,
): number | null {
  if (failures >= policy.maxAttempts) return null;
  const ceiling = Math.min(policy.maxBackoffMs, policy.backoffMs * 2 ** (failures - 1));
  return Math.max(Math.floor(random * ceiling), Math.min(retryAfterMs, policy.maxBackoffMs));
}
