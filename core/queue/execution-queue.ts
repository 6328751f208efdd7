// The doorbell of executions: rings are added in bulk and can be looked for; nothing here is the truth.
import { type BullQueue, keptJobs, openQueue, type QueueBackend } from "./queue-backend.ts";

export type Ring = {
  executionId: string;
  /** Counts the wake-ups of the execution, so an old job never swallows a new ring. */
  wake: number;
  /** 0–10, higher first. */
  priority: number;
};

/** waiting: a worker will take it; active: a worker has taken it; gone: finished, failed or never there. */
export type RingState = "waiting" | "active" | "gone";

export type ExecutionQueue = {
  /** Adds jobs that are not there yet. Rejects when the queue is out of reach: the re-ring loop makes up for it. */
  ring(rings: readonly Ring[]): Promise<void>;
  /** States in the order asked. */
  find(rings: readonly Pick<Ring, "executionId" | "wake">[]): Promise<RingState[]>;
  /** Rings no worker has taken yet. */
  countWaiting(): Promise<number>;
  /** For bull-board only. */
  bull: BullQueue;
  close(): Promise<void>;
};

/** Up to so many jobs are added one by one on PostgreSQL: a bulk makes two temporary tables, 8 to 16 ms. */
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
      const jobs = rings.map(toJob);
      if (backend.kind === "postgres" && jobs.length <= FEW) {
        await Promise.all(jobs.map((job) => bull.add(job.name, job.data, job.opts)));
      } else {
        await bull.addBulk(jobs);
      }
    },
    async find(rings) {
      const states = await Promise.all(rings.map((ring) => bull.getJobState(jobId(ring))));
      return states.map(toRingState);
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

function toJob(ring: Ring) {
  return {
    name: "execution",
    data: { executionId: ring.executionId },
    opts: { jobId: jobId(ring), priority: toBullPriority(ring.priority) },
  };
}

export function jobId(ring: Pick<Ring, "executionId" | "wake">): string {
  return `${ring.executionId}-${ring.wake}`;
}

/** BullMQ takes 1 first and jobs without a priority before all others, so everybody gets one. */
function toBullPriority(priority: number): number {
  return 11 - priority;
}

function toRingState(state: string): RingState {
  if (state === "active") return "active";
  return state === "waiting" || state === "prioritized" || state === "delayed" ? "waiting" : "gone";
}
