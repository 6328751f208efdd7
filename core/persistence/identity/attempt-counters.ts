// Where attempts are counted: limiters of rate-limiter-flexible on PostgreSQL or Redis, shared by all api processes.
import { Redis } from "ioredis";
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRedis,
} from "rate-limiter-flexible";
import type { Allowance } from "../../domain/attempt-limits.ts";
import type { Database } from "../database.ts";
import type { Sql } from "../sql.ts";

/** Counts by key under `name`. While the store is out of reach it counts in this process's memory. */
export type MakeCounter = (name: string, allowance: Allowance) => RateLimiterAbstract;

export type AttemptCounters = { makeCounter: MakeCounter; close(): Promise<void> };

const TABLE = "rate_limits";
const REDIS_PREFIX = "atelier:limits";
const REDIS_TIMEOUT_MS = 2_000;

/** Takes the pool over: `close` closes it. The library's statements run as the database's role, each on its own; old counts are removed every five minutes. */
export function openPostgresCounters(database: Database): AttemptCounters {
  const storeClient = {
    async query({ text, values }: Sql) {
      const rows = await database.many({ text, values });
      return { rows, rowCount: rows.length };
    },
  };
  // One of them cleans the table for all.
  let isFirst = true;
  const makeCounter: MakeCounter = (name, allowance) => {
    const common = { keyPrefix: name, points: allowance.points, duration: allowance.seconds };
    const clearExpiredByTimeout = isFirst;
    isFirst = false;
    return new RateLimiterPostgres({
      ...common,
      storeClient,
      storeType: "client",
      tableName: TABLE,
      tableCreated: true,
      clearExpiredByTimeout,
      insuranceLimiter: new RateLimiterMemory(common),
    });
  };
  return { makeCounter, close: () => database.close() };
}

/** Resolves when connected, or when it is clear that Redis does not answer yet; it keeps trying. */
export async function openRedisCounters(
  redisUrl: string,
  onError: (error: Error) => void,
): Promise<AttemptCounters> {
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: REDIS_TIMEOUT_MS,
    commandTimeout: REDIS_TIMEOUT_MS,
  });
  redis.on("error", onError);
  await redis.connect().catch(() => {});
  const makeCounter: MakeCounter = (name, allowance) => {
    const common = {
      keyPrefix: `${REDIS_PREFIX}:${name}`,
      points: allowance.points,
      duration: allowance.seconds,
    };
    return new RateLimiterRedis({
      ...common,
      storeClient: redis,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory(common),
    });
  };
  return { makeCounter, close: async () => redis.disconnect() };
}
