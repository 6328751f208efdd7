// BullMQ alone on the same backend: producer and consumer as processes of their own, like our api and worker.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { runMigrations } from "bullmq";
import pg from "pg";
import type { QueueBackend } from "../../core/queue/queue-backend.ts";
import { type Measurement, round } from "./measurement.ts";
import type { Servers } from "./start-servers.ts";

/** Jobs per second. */
export type BullmqRates = { add: number; process: number; together: number; lines: Measurement[] };

/** What the child is told, and what it answers: milliseconds since the epoch. */
export type BullmqTask = { act: "add" | "process"; jobs: number; inFlight: number; backend: QueueBackend };
export type BullmqTimes = { startedMs: number; endedMs: number };

const inFlight = 50;
// About four seconds each at the rates of two cores.
const jobsOn = { postgres: 4_000, redis: 30_000 } as const;

export async function measureBullmq(servers: Servers, cleanup: AsyncDisposableStack): Promise<BullmqRates> {
  const backend = await chooseBackend(servers);
  const jobs = jobsOn[backend.kind];
  const run = (act: BullmqTask["act"], count: number) =>
    runTask({ act, jobs: count, inFlight, backend }, cleanup);
  const rate = (startedMs: number, endedMs: number) => round((jobs / (endedMs - startedMs)) * 1_000);

  const added = await run("add", jobs);
  const processed = await run("process", jobs);
  const [producer, consumer] = await Promise.all([run("add", jobs), run("process", jobs)]);
  const rates = {
    add: rate(added.startedMs, added.endedMs),
    process: rate(processed.startedMs, processed.endedMs),
    together: rate(producer.startedMs, consumer.endedMs),
  };
  const line = (name: string, value: number, how: string): Measurement => {
    return { name, unit: "jobs/s", value, how, jobs, inFlight, backend: backend.kind };
  };
  return {
    ...rates,
    lines: [
      line("BullMQ alone, add", rates.add, "single add calls, so many at once, no worker running"),
      line(
        "BullMQ alone, process",
        rates.process,
        "a filled queue, an empty processor with that concurrency",
      ),
      line(
        "BullMQ alone, add and process at once",
        rates.together,
        "first add to last job done, two processes",
      ),
    ],
  };
}

/** A database, or a Redis database number, that the platform does not use. */
async function chooseBackend({ redisUrl, databaseUrl, admin }: Servers): Promise<QueueBackend> {
  if (redisUrl !== null) return { kind: "redis", redisUrl: `${redisUrl}/1` };
  await admin.query("create database bullmq_alone owner atelier");
  const url = new URL(databaseUrl);
  url.pathname = "/bullmq_alone";
  const owner = new pg.Client({ connectionString: url.href });
  await owner.connect();
  try {
    await runMigrations(owner, "bullmq");
  } finally {
    await owner.end();
  }
  return { kind: "postgres", databaseUrl: url.href, role: "atelier", maxConnections: 10 };
}

async function runTask(task: BullmqTask, cleanup: AsyncDisposableStack): Promise<BullmqTimes> {
  const child = fork(fileURLToPath(new URL("./bullmq-alone.ts", import.meta.url)));
  cleanup.defer(() => void child.kill("SIGKILL"));
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`BullMQ alone (${task.act}) ended with ${code}`);
  });
  ended.catch(() => {});
  child.send(task);
  const [times] = (await Promise.race([once(child, "message"), ended])) as [BullmqTimes];
  return times;
}
