// One contract for both backends of the doorbell: BullMQ on PostgreSQL and, where there is a redis-server, on Redis.
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { v7 as uuidv7 } from "uuid";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { findRedisServer, startRedis, type TestRedis } from "../../test/support/redis-server.ts";
import { BUSY } from "../domain/bands.ts";
import { type BellConsumer, consumeBells } from "./bell-consumer.ts";
import type { Bell, Ring } from "./bells.ts";
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

  /** Hears with room for everything, unless `awaitRoom` says otherwise. */
  const consume = async (hear: (id: string) => void, awaitRoom = async () => {}) => {
    const handle = (ids: readonly string[]) => ids.forEach(hear);
    const consumer = await consumeBells({ backend: bed.backend, awaitRoom, handle, onError: () => {} });
    consumers.push(consumer);
    return consumer;
  };
  const ringOf = (given: Partial<Ring> = {}) => ({
    executionId: uuidv7(),
    wake: 0,
    priority: 0,
    band: 0,
    ...given,
  });

  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.stop()));
    assert.equal(await queue.bull.getActiveCount(), 0, "a stopped consumer leaves no bell half taken");
  });

  test("the backend is fit for use", () => checkBackend(bed.backend));

  test("a ring reaches the handler with the execution's id", PATIENCE, async () => {
    const heard: string[] = [];
    await consume((id) => heard.push(id));
    const rings = [ringOf(), ringOf(), ringOf()];
    await queue.ring(rings);
    await until(() => heard.length === 3);
    assert.deepEqual(new Set(heard), new Set(rings.map((ring) => ring.executionId)));
  });

  test(
    "rings that share a bell are one job, found by each of them, and heard together",
    PATIENCE,
    async () => {
      const bell = uuidv7();
      const shared = Array.from({ length: 5 }, () => ringOf({ bell }));
      const [alone, woken] = [ringOf(), ringOf({ bell, wake: 1 })];
      const before = await queue.countWaiting();
      await queue.ring([...shared, alone, woken]);
      assert.equal(await queue.countWaiting(), before + 3, "a later wake never shares");
      assert.deepEqual(await queue.find([...shared, ringOf({ bell: uuidv7() })]), [
        ...shared.map(() => "waiting"),
        "gone",
      ]);
      const heard: string[] = [];
      await consume((id) => heard.push(id));
      await until(() => heard.length === 7);
      const names = [...shared, alone, woken].map((ring) => ring.executionId);
      assert.deepEqual(new Set(heard), new Set(names));
      const first = heard.indexOf(names[0] ?? "");
      assert.deepEqual(heard.slice(first, first + 5), names.slice(0, 5));
      await until(async () => (await queue.find(shared)).every((state) => state === "gone"));
    },
  );

  test(
    "the same execution and wake rung twice is one job while it waits; no rings is no job",
    PATIENCE,
    async () => {
      const ring = ringOf();
      const before = await queue.countWaiting();
      await queue.ring([ring]);
      await queue.ring([ring]);
      await queue.ring([]);
      assert.equal(await queue.countWaiting(), before + 1);
      let heard = 0;
      await consume((id) => void (id === ring.executionId && heard++));
      await until(async () => (await queue.find([ring]))[0] === "gone");
      assert.equal(heard, 1);
    },
  );

  test("a new wake rings again when the old job is done", PATIENCE, async () => {
    const ring = ringOf();
    let heard = 0;
    await consume((id) => void (id === ring.executionId && heard++));
    for (const wake of [0, 1, 2]) {
      await queue.ring([{ ...ring, wake }]);
      await until(() => heard === wake + 1);
    }
  });

  test("find tells waiting and gone, in the order asked", PATIENCE, async () => {
    const [waiting, never] = [ringOf(), ringOf()];
    await queue.ring([waiting]);
    const states = await queue.find([never, waiting, { ...waiting, wake: 9 }]);
    assert.deepEqual(states, ["gone", "waiting", "gone"]);
    assert.deepEqual(await queue.find([]), []);
    await consume(() => {});
    await until(async () => (await queue.find([waiting]))[0] === "gone");
  });

  test("higher priority first, equal ones in the order they came", PATIENCE, async () => {
    const order = [0, 10, 5, 0, 10, 1].map((priority) => ringOf({ priority }));
    for (const ring of order) await queue.ring([ring]);
    const heard: string[] = [];
    await consume((id) => heard.push(id));
    await until(() => heard.length === order.length);
    const names = heard.map((id) => order.findIndex((ring) => ring.executionId === id));
    assert.deepEqual(names, [1, 4, 2, 5, 0, 3]);
  });

  test("F23: what names no execution is dropped and counted, and holds up nobody", PATIENCE, async () => {
    let dropped = 0;
    const heard: string[] = [];
    const nonsense = [
      null,
      7,
      "text",
      {},
      { executionId: 1 },
      { executionIds: "all" },
      { executionIds: [null] },
    ];
    const jobs = await Promise.all(
      nonsense.map((data) => queue.bull.add("execution", data as unknown as Bell)),
    );
    const ring = ringOf();
    await queue.ring([ring]);
    const errors: Error[] = [];
    const consumer = await consumeBells({
      backend: bed.backend,
      awaitRoom: async () => {},
      handle: (ids) => heard.push(...ids),
      onDropped: () => dropped++,
      onError: (error) => errors.push(error),
    });
    consumers.push(consumer);
    await until(() => heard.length > 0 && dropped === nonsense.length);
    assert.deepEqual([heard, errors], [[ring.executionId], []]);
    const over = async () =>
      (await Promise.all(jobs.map((job) => job.isActive()))).every((active) => !active);
    await until(over);
  });

  test("whoever had no room knows that bells may hang until a look finds none", PATIENCE, async () => {
    const [heard, told]: [string[], boolean[]] = [[], []];
    let room = Promise.resolve<unknown>(false);
    let free = () => {};
    const consumer = await consumeBells({
      backend: bed.backend,
      awaitRoom: (ofBusy) => (ofBusy ? new Promise(() => {}) : room),
      onBehind: (_, isBehind) => told.push(isBehind),
      handle: ([id]) => {
        heard.push(String(id));
        // Its slot is taken by this one, until it is freed.
        room = new Promise((resolve) => {
          free = () => {
            room = Promise.resolve(false);
            resolve(true);
          };
        });
      },
      onError: () => {},
    });
    consumers.push(consumer);
    await until(() => told.length > 0);
    await queue.ring([ringOf(), ringOf()]);
    await until(() => heard.length === 1);
    assert.ok(!told.includes(true), "nothing waits for room yet");
    free();
    await until(() => heard.length === 2);
    assert.equal(told.at(-1), true);
    free();
    await until(() => told.at(-1) === false);
    assert.equal(told.filter(Boolean).length, 2);
  });

  test("a bell is left to others while there is no room", PATIENCE, async () => {
    const room = Promise.withResolvers<void>();
    const [busy, idle]: [string[], string[]] = [[], []];
    await consume(
      (id) => busy.push(id),
      () => room.promise,
    );
    const [first, second] = [ringOf(), ringOf()];
    await queue.ring([first]);
    const other = await consume((id) => idle.push(id));
    await until(() => idle.length === 1);
    await other.stop();
    await queue.ring([second]);
    room.resolve();
    await until(() => busy.length === 1);
    assert.deepEqual([idle, busy], [[first.executionId], [second.executionId]]);
  });

  test(
    "bells of busy workspaces hang apart: while there is no room for them the others are heard",
    PATIENCE,
    async () => {
      const noRoom = Promise.withResolvers<void>();
      const heard: [string, number][] = [];
      const consumer = await consumeBells({
        backend: bed.backend,
        awaitRoom: (ofBusy) => (ofBusy ? noRoom.promise : Promise.resolve()),
        handle: ([id = ""], band) => heard.push([id, band]),
        onError: () => {},
      });
      consumers.push(consumer);
      const [busy, other] = [ringOf({ band: BUSY + 5, priority: 10 }), ringOf({ band: 4 })];
      await queue.ring([busy, other]);
      await until(() => heard.length === 1);
      assert.deepEqual(await queue.find([busy]), ["waiting"]);
      assert.equal(await queue.countWaiting(), 1);
      noRoom.resolve();
      await until(() => heard.length === 2);
      assert.deepEqual(heard, [
        [other.executionId, 4],
        [busy.executionId, BUSY + 5],
      ]);
    },
  );

  test("stopped it takes no further bell; another consumer takes it", PATIENCE, async () => {
    const [first, second]: [string[], string[]] = [[], []];
    const consumer = await consume((id) => first.push(id));
    const [early, late] = [ringOf(), ringOf()];
    await queue.ring([early]);
    await until(() => first.length === 1);
    await consumer.stop();
    await queue.ring([late]);
    await consume((id) => second.push(id));
    await until(() => second.length === 1);
    assert.deepEqual([first, second], [[early.executionId], [late.executionId]]);
  });
}

test("Redis down, silent and back again: a ring rejects, never hangs, and works again", {
  ...PATIENCE,
  skip: skipRedis,
}, async () => {
  if (!("program" in server)) return;
  const redis = await startRedis(server.program);
  const queue = createExecutionQueue({ kind: "redis", redisUrl: redis.url });
  const ring = { executionId: uuidv7(), wake: 0, priority: 0, band: 0 };
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
