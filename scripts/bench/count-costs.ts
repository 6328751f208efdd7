// What an execution costs: processor time by process, and what PostgreSQL and Redis were asked to do.
import { readdirSync, readFileSync } from "node:fs";
import { Redis } from "ioredis";
import type pg from "pg";
import { round } from "./measurement.ts";

/** Processes by name; `postgres` is the server's first one, which speaks for its children. */
export type Pids = Readonly<Record<string, number>>;

/** Totals since the servers' start; microseconds of processor time by process. */
export type Costs = {
  microseconds: Record<string, number>;
  walBytes: number;
  commits: number;
  redisCommands: number;
};

export type CostReader = () => Promise<Costs>;

export function createCostReader(
  pids: Pids,
  { admin, redisUrl }: { admin: pg.Client; redisUrl: string | null },
): CostReader {
  return async () => {
    const { rows } = await admin.query<{ wal: string; commits: string }>(
      `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as wal,
         (select xact_commit from pg_stat_database where datname = current_database()) as commits`,
    );
    return {
      microseconds: readProcessors(pids),
      walBytes: Number(rows[0]?.wal),
      commits: Number(rows[0]?.commits),
      redisCommands: redisUrl === null ? 0 : await countRedisCommands(redisUrl),
    };
  };
}

/** Of one of so many. */
export function shareCosts(before: Costs, after: Costs, count: number): Costs {
  const share = (a: number, b: number) => round((b - a) / count);
  const names = Object.keys(after.microseconds);
  return {
    microseconds: Object.fromEntries(
      names.map((name) => [name, share(before.microseconds[name] ?? 0, after.microseconds[name] ?? 0)]),
    ),
    walBytes: share(before.walBytes, after.walBytes),
    commits: share(before.commits, after.commits),
    redisCommands: share(before.redisCommands, after.redisCommands),
  };
}

/** Empty where there is no /proc. */
function readProcessors(pids: Pids): Record<string, number> {
  const stats = readAllStats();
  const named = new Set(Object.values(pids));
  return Object.fromEntries(
    Object.entries(pids).flatMap(([name, pid]) => {
      const own = stats.get(pid);
      if (!own) return [];
      const living = [...stats].filter(([id, { parent }]) => parent === pid && !named.has(id));
      const ticks = living.reduce((sum, [, child]) => sum + child.own, own.own + own.reaped);
      return [[name, ticks * MICROSECONDS_A_TICK]];
    }),
  );
}

/** USER_HZ, which Linux has fixed at 100. */
const MICROSECONDS_A_TICK = 10_000;

type Stat = { parent: number; own: number; reaped: number };

function readAllStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of listProcesses()) {
    try {
      const text = readFileSync(`/proc/${name}/stat`, "utf8");
      // Behind the program's name, which may hold anything: state, parent, …, see proc_pid_stat(5).
      const fields = text
        .slice(text.lastIndexOf(")") + 2)
        .split(" ")
        .map(Number);
      const at = (index: number) => fields[index] ?? 0;
      stats.set(Number(name), { parent: at(1), own: at(11) + at(12), reaped: at(13) + at(14) });
    } catch {
      // It ended meanwhile.
    }
  }
  return stats;
}

function listProcesses(): string[] {
  try {
    return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

async function countRedisCommands(redisUrl: string): Promise<number> {
  const redis = new Redis(redisUrl);
  try {
    return Number(/total_commands_processed:(\d+)/.exec(await redis.info("stats"))?.[1]);
  } finally {
    redis.disconnect();
  }
}
