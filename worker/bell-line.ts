// The worker's line to the doorbell, which can be laid anew while the worker runs.
import type { BellConsumer } from "#core/queue/bell-consumer.ts";

export type BellLine = BellConsumer & {
  /** Listens over new connections; the old ones are given up. Rejects when there are none, and the old one stays. */
  rebuild(): Promise<void>;
};

export async function openBellLine(
  open: () => Promise<BellConsumer>,
  onError: (error: Error) => void,
): Promise<BellLine> {
  let current = await open();
  let stopped = false;
  return {
    async rebuild() {
      const made = await open();
      if (stopped) return made.stop();
      const old = current;
      current = made;
      // Not waited for: a connection that is dead without knowing it never says goodbye.
      old.stop().catch(onError);
    },
    stop() {
      stopped = true;
      return current.stop();
    },
  };
}
