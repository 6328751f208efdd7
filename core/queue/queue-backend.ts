// Where the doorbell hangs: BullMQ on Redis when there is a REDIS_URL, else on PostgreSQL.
import {
  createPostgresBackend,
  type Processor,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
  withBackend,
} from "bullmq";
import { Redis } from "ioredis";
import { AppError } from "../domain/app-error.ts";

export type QueueBackend =
  | { kind: "redis"; redisUrl: string }
  /** `role` is the run-time role the connection switches to. */
  | { kind: "postgres"; databaseUrl: string; role: string; maxConnections?: number };

/** All that a job carries: PostgreSQL is the truth, the job only says where to look. */
export type Bell = { executionId: string };

export const QUEUE_NAME = "executions";
const REDIS_PREFIX = "atelier";

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

export function openQueue(backend: QueueBackend, options: Omit<QueueOptions, "connection"> = {}): BullQueue {
  if (backend.kind === "redis") {
    // A producer must fail at once when Redis is down: the row is committed, the re-ring loop adds it later.
    const connection = {
      ...redisOptions(backend.redisUrl),
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
    };
    return new Queue(QUEUE_NAME, { ...options, prefix: REDIS_PREFIX, connection });
  }
  return new onPostgres.Queue<Bell, void, string>(QUEUE_NAME, {
    ...options,
    connection: postgresOptions(backend),
  }) as unknown as BullQueue;
}

export function openWorker(
  backend: QueueBackend,
  processor: Processor<Bell, void, string>,
  options: Omit<WorkerOptions, "connection">,
): BullWorker {
  if (backend.kind === "redis") {
    const connection = { ...redisOptions(backend.redisUrl), maxRetriesPerRequest: null };
    return new Worker(QUEUE_NAME, processor, { ...options, prefix: REDIS_PREFIX, connection });
  }
  return new onPostgres.Worker<Bell, void, string>(QUEUE_NAME, processor, {
    ...options,
    connection: postgresOptions(backend),
  }) as unknown as BullWorker;
}

function redisOptions(redisUrl: string) {
  return { url: redisUrl, connectTimeout: 5_000, enableAutoPipelining: true };
}

function postgresOptions(backend: Extract<QueueBackend, { kind: "postgres" }>) {
  return {
    connectionString: backend.databaseUrl,
    options: `-c role=${backend.role}`,
    schema: "bullmq",
    max: backend.maxConnections ?? 5,
    keepAlive: true,
  };
}

/** Refuses a Redis that may evict jobs or is too old. Nothing to check on PostgreSQL. */
export async function checkBackend(backend: QueueBackend): Promise<void> {
  if (backend.kind === "postgres") return;
  const redis = new Redis(backend.redisUrl, {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
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
