// F22: Redis holds its connections and says nothing. Submissions are answered all the same, and run once it speaks again.
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
  await Promise.all([platform.start("api"), platform.start("scheduler"), platform.start("worker")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
});

after(async () => {
  await platform?.close();
  await redis?.stop();
  await database?.drop();
});

// Were each of the 50 to wait for Redis, 5 s until the command is given up, they would not be through in time.
test("F22 50 submissions one after the other and a batch are answered while Redis is silent, and run afterwards", {
  skip,
  timeout: 120_000,
}, async () => {
  const graph = chain({ id: "echo", type: "data.transform", config: { value: "{{ input.n }}" } });
  const workflow = await createWorkflow(request, ada, graph);
  const pid = Number(/process_id:(\d+)/.exec(await redis.client.info("server"))?.[1]);
  process.kill(pid, "SIGSTOP");
  let spoke = false;
  const word = redis.client.ping().then(() => {
    spoke = true;
  });
  const ids: string[] = [];
  try {
    for (let n = 0; n < 50; n++) ids.push(await submit(request, ada, workflow, { input: { n } }));
    const reply = await request<{ items: { id: string }[] }>(
      "POST",
      `/api/workflows/${workflow}/executions/batch`,
      { token: ada.token, body: { inputs: Array.from({ length: 50 }, (_, index) => ({ n: 50 + index })) } },
    );
    assert.equal(reply.status, 202, reply.text);
    ids.push(...reply.body.items.map(({ id }) => id));
    const ready = await request("GET", "/readyz");
    assert.equal(ready.status, 200, "the api does its work: it commits");
    assert.equal(spoke, false, "Redis has said nothing in the meantime");
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await word;
  for (const [n, id] of ids.entries()) {
    const ended = await untilEnded(request, ada, id);
    assert.deepEqual([ended.status, ended.output], ["succeeded", n]);
  }
});
