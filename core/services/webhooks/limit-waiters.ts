// How many callers of one webhook may wait for an answer in this process: each holds a connection and looks again and again.

export const MAX_WAITERS = 50;

export type WaiterLimit = <Answer>(
  webhookId: string,
  wait: () => Promise<Answer | null>,
) => Promise<Answer | null>;

/** Null at once, without waiting, for whoever is one too many of their webhook. */
export function createWaiterLimit(most = MAX_WAITERS): WaiterLimit {
  const waiting = new Map<string, number>();
  return async (webhookId, wait) => {
    const others = waiting.get(webhookId) ?? 0;
    if (others >= most) return null;
    waiting.set(webhookId, others + 1);
    try {
      return await wait();
    } finally {
      const left = (waiting.get(webhookId) ?? 1) - 1;
      if (left > 0) waiting.set(webhookId, left);
      else waiting.delete(webhookId);
    }
  };
}
