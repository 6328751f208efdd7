// Counts the rings a process sends, and those the queue did not take.
import { Counter, type Registry } from "prom-client";

type Ringing<Ring> = { ring(rings: readonly Ring[]): Promise<void> };

/** The same queue, counted. A ring that fails rejects as before. */
export function countRings<Ring, Queue extends Ringing<Ring>>(queue: Queue, registry: Registry): Queue {
  const sent = new Counter({
    name: "atelier_rings_total",
    help: "Rings given to the queue, by whether it took them",
    labelNames: ["outcome"] as const,
    registers: [registry],
  });
  const [taken, failed] = [sent.labels("taken"), sent.labels("failed")];
  return {
    ...queue,
    async ring(rings: readonly Ring[]) {
      try {
        await queue.ring(rings);
        taken.inc(rings.length);
      } catch (error) {
        failed.inc(rings.length);
        throw error;
      }
    },
  };
}

/** Counts jobs of the queue that name no execution. */
export function countDropped(registry: Registry): () => void {
  const dropped = new Counter({
    name: "atelier_bells_dropped_total",
    help: "Jobs taken from the queue that name no execution: not written by this platform",
    registers: [registry],
  });
  return () => dropped.inc();
}
