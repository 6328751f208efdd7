// The doorbell of executions: rings are added in bulk and can be looked for; nothing here is the truth.
import { jobId, type Ring, type RingKey, toJobs } from "./bells.ts";
import { type BullQueue, keptJobs, openQueue, type QueueBackend } from "./queue-backend.ts";

/** waiting: a worker will take it; active: a worker is taking it; gone: taken, failed or never there. */
export type RingState = "waiting" | "active" | "gone";

export type { Ring };

export type ExecutionQueue = {
  /** Adds jobs that are not there yet. Rejects when the queue is out of reach: the re-ring loop makes up for it. */
  ring(rings: readonly Ring[]): Promise<void>;
  /** States in the order asked. */
  find(rings: readonly RingKey[]): Promise<RingState[]>;
  /** Rings no worker has taken yet. */
  countWaiting(): Promise<number>;
  /** For bull-board only. */
  bull: BullQueue;
  close(): Promise<void>;
};

/**
 * Up to so many jobs are added one by one: on PostgreSQL a bulk makes two temporary tables, 8 to 16 ms; on Redis it is a
 * pipeline, which costs as much to make as several commands.
 */
const FEW = 3;

export function createExecutionQueue(
  backend: QueueBackend,
  onError: (error: Error) => void = () => {},
): ExecutionQueue {
  const bull = openQueue(backend, {
    defaultJobOptions: { attempts: 1, ...keptJobs(backend) },
  });
  bull.on("error", onError);

  return {
    async ring(rings) {
      const jobs = toJobs(rings);
      if (jobs.length <= FEW) {
        await Promise.all(jobs.map((job) => bull.add(job.name, job.data, job.opts)));
      } else {
        await bull.addBulk(jobs);
      }
    },
    async find(rings) {
      const ids = rings.map(jobId);
      const states = await Promise.all(
        [...new Set(ids)].map(async (id) => [id, await bull.getJobState(id)] as const),
      );
      const byId = new Map(states);
      return ids.map((id) => toRingState(byId.get(id) ?? "unknown"));
    },
    countWaiting: async () => (await bull.getJobCountByTypes("waiting", "prioritized", "delayed")) ?? 0,
    bull,
    close: () =>
      bull.close().catch((error: Error) => {
        // Redis is gone: nothing to say goodbye to, but it would be tried for again and again. Not awaited,
        // because that waits for an end of a connection that has none.
        onError(error);
        bull.disconnect().catch(onError);
      }),
  };
}

function toRingState(state: string): RingState {
  if (state === "active") return "active";
  return state === "waiting" || state === "prioritized" || state === "delayed" ? "waiting" : "gone";
}
