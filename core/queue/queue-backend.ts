// Where the doorbell hangs: BullMQ on Redis when there is a REDIS_URL, else on PostgreSQL.
import {
  createPostgresBackend,
  type KeepJobs,
  type PgPool,
  type Processor,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
  withBackend,
} from "bullmq";
import { Redis } from "ioredis";
import { AppError } from "../domain/app-error.ts";
import type { Bell } from "./bells.ts";
import { closeWithPool, openQueuePool } from "./postgres-pool.ts";

export type QueueBackend =
  | { kind: "redis"; redisUrl: string }
  /** `role` is the run-time role the connection switches to. */
  | { kind: "postgres"; databaseUrl: string; role: string; maxConnections?: number };

export const QUEUE_NAME = "executions";
/** Where the bells of busy workspaces hang. */
export const BUSY_QUEUE_NAME = "executions-busy";
export type QueueName = typeof QUEUE_NAME | typeof BUSY_QUEUE_NAME;
const REDIS_PREFIX = "atelier";
const COMMAND_TIMEOUT_MS = 5_000;

const onPostgres = withBackend(createPostgresBackend);

export type BullQueue = Queue<Bell, void, string>;
export type BullWorker = Worker<Bell, void, string>;

export function chooseBackend(options: {
  redisUrl: string | undefined;
  databaseUrl: string;
  role: string;
}): QueueBackend {
  return options.redisUrl
    ? { kind: "redis", redisUrl: options.redisUrl }
    : { kind: "postgres", databaseUrl: options.databaseUrl, role: options.role };
}

export function openQueue(
  backend: QueueBackend,
  options: Omit<QueueOptions, "connection"> = {},
  name: QueueName = QUEUE_NAME,
): BullQueue {
  if (backend.kind === "redis") {
    // A producer must fail at once when Redis is down, and soon when it is silent: the row is committed, the
    // re-ring loop adds it later. That loop takes back what dead workers held, so it must not hang here either.
    const connection = {
      ...redisOptions(backend.redisUrl),
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: COMMAND_TIMEOUT_MS,
    };
    return new Queue(name, { ...options, prefix: REDIS_PREFIX, connection });
  }
  const pool = openQueuePool({ ...backend, max: maxConnections(backend, name) });
  const queue = new onPostgres.Queue<Bell, void, string>(name, { ...options, connection: asPgPool(pool) });
  return closeWithPool(queue as unknown as BullQueue, pool);
}

export function openWorker(
  backend: QueueBackend,
  processor: Processor<Bell, void, string> | null,
  options: Omit<WorkerOptions, "connection">,
  name: QueueName = QUEUE_NAME,
): BullWorker {
  if (backend.kind === "redis") {
    const connection = { ...redisOptions(backend.redisUrl), maxRetriesPerRequest: null };
    return new Worker(name, processor, { ...options, prefix: REDIS_PREFIX, connection });
  }
  // One more, on which it listens.
  const pool = openQueuePool({ ...backend, max: maxConnections(backend, name) + 1 });
  const worker = new onPostgres.Worker<Bell, void, string>(name, processor, {
    ...options,
    connection: asPgPool(pool),
  });
  return closeWithPool(worker as unknown as BullWorker, pool);
}

// Without ioredis' own pipelining: each pipeline it makes, also for one command, copies BullMQ's 60 scripts into itself,
// which was a tenth of what a lone execution cost the worker.
function redisOptions(redisUrl: string) {
  return { url: redisUrl, connectTimeout: 5_000 };
}

/** Its types know the calls of a pool that it makes, without overloads. */
function asPgPool(pool: ReturnType<typeof openQueuePool>): PgPool {
  return pool as unknown as PgPool;
}

type OnPostgres = Extract<QueueBackend, { kind: "postgres" }>;

function maxConnections(backend: OnPostgres, name: QueueName): number {
  return backend.maxConnections ?? (name === BUSY_QUEUE_NAME ? 2 : 5);
}

/**
 * How many finished jobs are kept for bull-board. None on PostgreSQL: there BullMQ looks for what to remove at
 * every finish, 10.8 ms each with 1,000 kept, which halved the executions per second.
 */
export function keptJobs(backend: QueueBackend): { removeOnComplete: KeepJobs; removeOnFail: KeepJobs } {
  const removeOnFail = { count: 1_000 };
  return { removeOnComplete: { count: backend.kind === "redis" ? 1_000 : 0 }, removeOnFail };
}

/** Refuses a Redis that may evict jobs or is too old. Nothing to check on PostgreSQL. */
export async function checkBackend(backend: QueueBackend): Promise<void> {
  if (backend.kind === "postgres") return;
  const redis = new Redis(backend.redisUrl, {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    commandTimeout: COMMAND_TIMEOUT_MS,
  });
  redis.on("error", () => {});
  try {
    await redis.connect();
    const info = await redis.info();
    const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1] ?? "unknown";
    const version = /redis_version:(\d+)/.exec(info)?.[1] ?? "0";
    if (policy !== "noeviction") {
      throw new AppError(
        "redis_eviction",
        `Redis may evict jobs (maxmemory-policy ${policy}): set noeviction`,
      );
    }
    if (Number(version) < 7) {
      throw new AppError("redis_version", `Redis ${version} is too old: Atelier needs Redis or Valkey 7`);
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("redis_unavailable", "Redis does not answer at REDIS_URL", {
      retryable: true,
      cause: error,
    });
  } finally {
    redis.disconnect();
  }
}
