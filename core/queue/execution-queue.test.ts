// One contract for both backends of the doorbell: BullMQ on PostgreSQL and, where there is a redis-server, on Redis.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { findRedisServer, startRedis, type TestRedis } from "../../test/support/redis-server.ts";
import { type BellConsumer, consumeBells } from "./bell-consumer.ts";
import { createExecutionQueue, type ExecutionQueue } from "./execution-queue.ts";
import { checkBackend, chooseBackend, type QueueBackend } from "./queue-backend.ts";

const PATIENCE = { timeout: 60_000 };

type Bed = { backend: QueueBackend; close(): Promise<void> };

async function onPostgres(): Promise<Bed> {
  const database: TestDatabase = await createTestDatabase();
  const { databaseUrl } = database;
  return {
    backend: chooseBackend({ redisUrl: undefined, databaseUrl, role: "atelier_worker" }),
    close: () => database.drop(),
  };
}

const server = findRedisServer();
const skipRedis = "skip" in server ? server.skip : false;

async function onRedis(): Promise<Bed> {
  if (!("program" in server)) throw new Error(server.skip);
  const redis: TestRedis = await startRedis(server.program);
  return {
    backend: chooseBackend({ redisUrl: redis.url, databaseUrl: "", role: "" }),
    close: () => redis.stop(),
  };
}

describe("the doorbell on PostgreSQL", () => defineContract(onPostgres));
describe("the doorbell on Redis", { skip: skipRedis }, () => defineContract(onRedis));

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10);
}

function defineContract(open: () => Promise<Bed>) {
  let bed: Bed;
  let queue: ExecutionQueue;
  const consumers: BellConsumer[] = [];

  before(async () => {
    bed = await open();
    queue = createExecutionQueue(bed.backend);
  });
  after(async () => {
    await queue?.close();
    await bed?.close();
  });

  const consume = async (handle: (id: string) => Promise<void>, concurrency = 5) => {
    const consumer = await consumeBells({ backend: bed.backend, concurrency, handle, onError: () => {} });
    consumers.push(consumer);
    return consumer;
  };
  const ringOf = (given: Partial<{ executionId: string; wake: number; priority: number }> = {}) => ({
    executionId: uuidv7(),
    wake: 0,
    priority: 0,
    ...given,
  });

  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
  });

  test("the backend is fit for use", () => checkBackend(bed.backend));

  test("a ring reaches the handler with the execution's id", PATIENCE, async () => {
    const heard: string[] = [];
    await consume(async (id) => void heard.push(id));
    const rings = [ringOf(), ringOf(), ringOf()];
    await queue.ring(rings);
    await until(() => heard.length === 3);
    assert.deepEqual(new Set(heard), new Set(rings.map((ring) => ring.executionId)));
  });

  test(
    "the same execution and wake rung twice is one job while it waits; no rings is no job",
    PATIENCE,
    async () => {
      const ring = ringOf();
      const before = await queue.countWaiting();
      await queue.ring([ring, ring]);
      await queue.ring([ring]);
      await queue.ring([]);
      assert.equal(await queue.countWaiting(), before + 1);
      let heard = 0;
      await consume(async (id) => void (id === ring.executionId && heard++));
      await until(async () => (await queue.find([ring]))[0] === "gone");
      assert.equal(heard, 1);
    },
  );

  test("a new wake rings again, also while the old job is in hand or long done", PATIENCE, async () => {
    const hold = Promise.withResolvers<void>();
    const ring = ringOf();
    let heard = 0;
    await consume(async (id) => {
      if (id !== ring.executionId) return;
      heard++;
      if (heard === 1) await hold.promise;
    });
    await queue.ring([ring]);
    await until(() => heard === 1);
    await queue.ring([{ ...ring, wake: 1 }]);
    await until(() => heard === 2);
    hold.resolve();
    await until(async () => (await queue.find([ring]))[0] === "gone");
    await queue.ring([{ ...ring, wake: 2 }]);
    await until(() => heard === 3);
  });

  test("find tells waiting, active and gone, in the order asked", PATIENCE, async () => {
    const [active, waiting, never] = [ringOf({ priority: 10 }), ringOf(), ringOf()];
    const hold = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    await queue.ring([active]);
    await consume(async () => {
      begun.resolve();
      await hold.promise;
    }, 1);
    await begun.promise;
    await queue.ring([waiting]);
    assert.deepEqual(await queue.find([never, waiting, active, { ...active, wake: 9 }]), [
      "gone",
      "waiting",
      "active",
      "gone",
    ]);
    assert.deepEqual(await queue.find([]), []);
    hold.resolve();
    await until(async () => (await queue.find([active, waiting])).every((state) => state === "gone"));
  });

  test("higher priority first, equal ones in the order they came", PATIENCE, async () => {
    const order = [0, 10, 5, 0, 10, 1].map((priority) => ringOf({ priority }));
    for (const ring of order) await queue.ring([ring]);
    const heard: string[] = [];
    await consume(async (id) => void heard.push(id), 1);
    await until(() => heard.length === order.length);
    const names = heard.map((id) => order.findIndex((ring) => ring.executionId === id));
    assert.deepEqual(names, [1, 4, 2, 5, 0, 3]);
  });

  test(
    "never more rings in hand than the concurrency, and as many when there are enough",
    PATIENCE,
    async () => {
      let inHand = 0;
      let most = 0;
      let heard = 0;
      await queue.ring(Array.from({ length: 12 }, () => ringOf()));
      await consume(async () => {
        most = Math.max(most, ++inHand);
        await delay(20);
        inHand--;
        heard++;
      }, 3);
      await until(() => heard === 12);
      assert.equal(most, 3);
    },
  );

  test(
    "paused it takes no further ring, and what is in hand goes on; another consumer takes the rest",
    PATIENCE,
    async () => {
      const hold = Promise.withResolvers<void>();
      const first: string[] = [];
      const finished: string[] = [];
      const consumer = await consume(async (id) => {
        first.push(id);
        await hold.promise;
        finished.push(id);
      }, 1);
      const [inHand, later] = [ringOf(), ringOf()];
      await queue.ring([inHand]);
      await until(() => first.length === 1);
      await consumer.pause();
      await queue.ring([later]);
      hold.resolve();
      await until(() => finished.length === 1);
      const second: string[] = [];
      await consume(async (id) => void second.push(id), 1);
      await until(() => second.length === 1);
      assert.deepEqual([first, second], [[inHand.executionId], [later.executionId]]);
    },
  );

  test("a handler that rejects loses its ring, not the consumer", PATIENCE, async () => {
    const heard: string[] = [];
    await consume(async (id) => {
      heard.push(id);
      if (heard.length === 1) throw new Error("boom");
    }, 1);
    const [bad, good] = [ringOf(), ringOf()];
    await queue.ring([bad]);
    await until(async () => (await queue.find([bad]))[0] === "gone");
    await queue.ring([good]);
    await until(() => heard.length === 2);
    assert.deepEqual(heard, [bad.executionId, good.executionId]);
  });
}

test("Redis down, silent and back again: a ring rejects, never hangs, and works again", {
  ...PATIENCE,
  skip: skipRedis,
}, async () => {
  if (!("program" in server)) return;
  const redis = await startRedis(server.program);
  const queue = createExecutionQueue({ kind: "redis", redisUrl: redis.url });
  const ring = { executionId: uuidv7(), wake: 0, priority: 0 };
  await queue.ring([ring]);
  // Longer than a command may take, so that the ring gives up; it ends by itself.
  await redis.client.call("CLIENT", "PAUSE", "7000", "ALL");
  await assert.rejects(queue.ring([ring]), /timed out/);
  await until(async () => (await queue.find([ring]).catch(() => []))[0] === "waiting");
  await redis.stop();
  await assert.rejects(queue.ring([ring]));
  await assert.rejects(queue.find([ring]));
  await assert.rejects(checkBackend({ kind: "redis", redisUrl: redis.url }), {
    code: "redis_unavailable",
    retryable: true,
  });
  await queue.close();
});

test("a Redis that may evict jobs is refused", { ...PATIENCE, skip: skipRedis }, async () => {
  if (!("program" in server)) return;
  const redis = await startRedis(server.program);
  await redis.client.config("SET", "maxmemory-policy", "allkeys-lru");
  await assert.rejects(checkBackend({ kind: "redis", redisUrl: redis.url }), { code: "redis_eviction" });
  await redis.client.config("SET", "maxmemory-policy", "noeviction");
  await checkBackend({ kind: "redis", redisUrl: redis.url });
  await redis.stop();
});
