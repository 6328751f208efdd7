// The doorbell of executions: rings are added in bulk and can be looked for; nothing here is the truth.
import { isBusy } from "../domain/bands.ts";
import { jobId, type Ring, type RingKey, toJobs } from "./bells.ts";
import {
  BUSY_QUEUE_NAME,
  type BullQueue,
  keptJobs,
  openQueue,
  QUEUE_NAME,
  type QueueBackend,
  type QueueName,
} from "./queue-backend.ts";

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
  /** For bull-board only, and the one of busy workspaces. */
  bull: BullQueue;
  busy: BullQueue;
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
  const open = (name: QueueName) => {
    const opened = openQueue(backend, { defaultJobOptions: { attempts: 1, ...keptJobs(backend) } }, name);
    opened.on("error", onError);
    return opened;
  };
  const [bull, busy] = [open(QUEUE_NAME), open(BUSY_QUEUE_NAME)];
  const add = async (to: BullQueue, jobs: ReturnType<typeof toJobs>) => {
    if (jobs.length === 0) return;
    if (jobs.length <= FEW) {
      await Promise.all(jobs.map((job) => to.add(job.name, job.data, job.opts)));
    } else {
      await to.addBulk(jobs);
    }
  };

  return {
    async ring(rings) {
      const ofBusy = rings.filter(isBusy);
      const others = ofBusy.length === 0 ? rings : rings.filter((ring) => !isBusy(ring));
      await Promise.all([add(bull, toJobs(others)), add(busy, toJobs(ofBusy))]);
    },
    async find(rings) {
      const jobs = new Map(rings.map((ring) => [jobId(ring), isBusy(ring) ? busy : bull]));
      const states = await Promise.all(
        [...jobs].map(async ([id, where]) => [id, await where.getJobState(id)] as const),
      );
      const byId = new Map(states);
      return rings.map((ring) => toRingState(byId.get(jobId(ring)) ?? "unknown"));
    },
    async countWaiting() {
      const counts = [bull, busy].map((one) => one.getJobCountByTypes("waiting", "prioritized", "delayed"));
      return (await Promise.all(counts)).reduce((sum, count) => sum + (count ?? 0), 0);
    },
    bull,
    busy,
    async close() {
      await Promise.all(
        [bull, busy].map((one) =>
          one.close().catch((error: Error) => {
            // Redis is gone: nothing to say goodbye to, but it would be tried for again and again. Not awaited,
            // because that waits for an end of a connection that has none.
            onError(error);
            one.disconnect().catch(onError);
          }),
        ),
      );
    },
  };
}

function toRingState(state: string): RingState {
  if (state === "active") return "active";
  return state === "waiting" || state === "prioritized" || state === "delayed" ? "waiting" : "gone";
}
