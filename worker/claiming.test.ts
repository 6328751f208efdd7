// A worker whose line to Redis is dead without knowing it: it says so, lays a new one, and ends when that does not help.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createExecutionQueue } from "#core/queue/execution-queue.ts";
import { childEnvironment } from "../test/support/child-environment.ts";
import { createExecutionBed, type ExecutionBed } from "../test/support/executions.ts";
import { findFreePort } from "../test/support/free-port.ts";
import { findRedisServer, startRedis, type TestRedis } from "../test/support/redis-server.ts";

const server = findRedisServer();
const PATIENCE = { timeout: 60_000 };
const TIMES = { lookMs: 100, patienceMs: 1_000 };

const WORKER = fileURLToPath(new URL("../test/support/impatient-worker.ts", import.meta.url));

/** Passes bytes on; a connection it is told to swallow stays open and says nothing more. */
async function startProxy(target: string) {
  const { hostname, port } = new URL(target);
  const muted = new Set<Socket>();
  const open = new Set<Socket>();
  let swallowsAll = false;
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from
        .on("error", () => {})
        .on("data", (chunk) => {
          if (!swallowsAll && !muted.has(client)) to.write(chunk);
        });
      from.on("close", () => to.destroy());
    }
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    /** Those that are open now; new ones pass. */
    swallowOpen() {
      for (const socket of open) muted.add(socket);
    },
    swallowAll() {
      swallowsAll = true;
    },
    close() {
      for (const socket of open) socket.destroy();
      proxy.close();
    },
  };
}

describe("a worker that hears nothing", { skip: "skip" in server && server.skip }, () => {
  let bed: ExecutionBed;
  let redis: TestRedis;

  before(async () => {
    if (!("program" in server)) return;
    bed = await createExecutionBed();
    redis = await startRedis(server.program);
  });
  after(async () => {
    await redis?.stop();
    await bed?.close();
  });

  async function startListening(t: TestContext) {
    const proxy = await startProxy(redis.url);
    t.after(() => proxy.close());
    const healthPort = await findFreePort();
    const child = spawn(process.execPath, [WORKER, JSON.stringify(TIMES)], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: {
        ...childEnvironment(),
        DATABASE_URL: bed.databaseUrl,
        REDIS_URL: proxy.url,
        ENCRYPTION_KEYS: "test:0123456789abcdef0123456789abcdef",
        HEALTH_PORT: String(healthPort),
      },
    });
    t.after(() => child.kill("SIGKILL"));
    const log: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => log.push(`${chunk}`));
    const ended = once(child, "exit").then(([code]) => code as number | null);
    const isReady = async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => null))?.ok;
    await until(async () => (await isReady()) ?? false, log);
    return { proxy, ended, isReady, log };
  }

  /** Queued in the database, and rung past the proxy. */
  async function submit() {
    const person = await bed.addPerson();
    const workflow_id = await bed.addWorkflow(person);
    const id = await bed.addExecution({ workflow_id, workspace_id: person.workspaceId });
    const queue = createExecutionQueue({ kind: "redis", redisUrl: redis.url });
    await queue.ring([{ executionId: id, wake: 0, priority: 0, band: 0 }]);
    await queue.close();
    return id;
  }

  test("builds new connections, and claims over them", PATIENCE, async (t) => {
    const { proxy, isReady, log } = await startListening(t);
    proxy.swallowOpen();
    const id = await submit();
    await until(async () => (await bed.execution(id)).status === "succeeded", log);
    await until(async () => (await isReady()) ?? false, log);
    assert.match(log.join(""), /building new connections to the queue/);
  });

  test("is not ready, and ends with 1 when new connections are as dead", PATIENCE, async (t) => {
    const { proxy, ended, isReady, log } = await startListening(t);
    proxy.swallowAll();
    const id = await submit();
    await until(async () => (await isReady()) === false, log);
    assert.equal(await ended, 1, log.join(""));
    assert.equal((await bed.execution(id)).status, "queued");
  });

  test("without a backlog silence is nothing to complain of", PATIENCE, async (t) => {
    await bed.admin.query(
      "update workflow_executions set available_at = now() + interval '1 day' where status = 'queued'",
    );
    const { proxy, isReady, log } = await startListening(t);
    proxy.swallowAll();
    await delay(3 * TIMES.patienceMs);
    assert.equal(await isReady(), true, log.join(""));
  });
});

async function until(condition: () => Promise<boolean>, log: readonly string[]): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    assert.ok(tries < 1_200, log.join(""));
    await delay(25);
  }
}
