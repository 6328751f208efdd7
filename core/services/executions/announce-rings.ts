// After the commit of a submission: its bells are rung, or not before it was clear that its eager start went unheard.
import { crashPoint } from "../../domain/crash-points.ts";
import type { ExecutionQueue, Ring } from "../../queue/execution-queue.ts";
import type { EagerStart } from "./eager-starts.ts";

export type RingAnnouncer = {
  /** Waits for nothing: the rows are the outbox, a queue that is down must not hold up the answer. */
  announce(rings: readonly Ring[], eager?: EagerStart | null): void;
  /** Resolves when nothing is left to be rung for. */
  drain(): Promise<void>;
};

export function createRingAnnouncer(
  queue: Pick<ExecutionQueue, "ring">,
  onRingFailed: (error: unknown) => void,
): RingAnnouncer {
  const started = new Set<Promise<void>>();
  const ring = (rings: readonly Ring[]) => {
    queue.ring(rings).catch(onRingFailed);
  };
  return {
    announce(rings, eager) {
      crashPoint("api.after_submit_commit");
      if (!eager) return ring(rings);
      if (rings.length === 0) return eager.drop();
      const settled = eager.isHeard.then((isHeard) => {
        started.delete(settled);
        if (!isHeard) ring(rings);
      });
      started.add(settled);
    },
    async drain() {
      await Promise.all(started);
    },
  };
}
