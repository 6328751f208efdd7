// F21: the queue forgets everything while executions wait in it. PostgreSQL remembers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { findRedisServer, startRedis, type TestRedis } from "../support/redis-server.ts";
import { chain, createWorkflow, submit, untilEnded } from "../support/workflows.ts";

const server = findRedisServer();
const skip = "skip" in server ? server.skip : false;

let database: TestDatabase;
let redis: TestRedis;
let platform: Platform;
let request: Request;
let ada: Person;

before(async () => {
  if (!("program" in server)) return;
  database = await createTestDatabase();
  redis = await startRedis(server.program);
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, REDIS_URL: redis.url });
  await Promise.all([platform.start("api"), platform.start("scheduler")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
});

after(async () => {
  await platform?.close();
  await redis?.stop();
  await database?.drop();
});

test("F21 FLUSHALL with 100 queued executions: all finish", { skip }, async () => {
  const graph = chain({ id: "echo", type: "data.transform", config: { value: "{{ input.n }}" } });
  const workflow = await createWorkflow(request, ada, graph);
  const ids = await Promise.all(
    Array.from({ length: 100 }, (_, n) => submit(request, ada, workflow, { input: { n } })),
  );
  await redis.client.flushall();
  assert.equal(await redis.client.dbsize(), 0);
  await platform.start("worker");
  for (const [n, id] of ids.entries()) {
    const ended = await untilEnded(request, ada, id);
    assert.equal(ended.status, "succeeded");
    assert.equal(ended.output, n);
  }
});
