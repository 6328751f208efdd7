// F42: a node that ends its worker whenever it runs, among a hundred good executions in flight beside it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { MAX_CRASHES } from "../../core/domain/execution.ts";
import { expireLeases } from "../../core/persistence/expire-leases.ts";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { chain, createWorkflow, type ExecutionView, submit, untilEnded } from "../support/workflows.ts";

const GOOD = 100;
const POISON = "/slow/60000/poison";

let database: TestDatabase;
let platform: Platform;
let sink: HttpSink;
let request: Request;
let ada: Person;

before(async () => {
  database = await createTestDatabase();
  sink = await startHttpSink();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, ALLOW_PRIVATE_EGRESS: sink.address });
  await Promise.all([platform.start("api"), platform.start("scheduler")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
});

after(async () => {
  await platform?.close();
  await sink?.close();
  await database?.drop();
});

const calls = (id: string, path: string) => ({
  id,
  type: "http.request",
  config: { method: "POST", url: `${sink.url}${path}` },
});

test("F42 a poison execution among 100 good ones fails with worker_lost after three workers, the good ones succeed", {
  timeout: 180_000,
}, async () => {
  const poison = await createWorkflow(request, ada, chain(calls("kill", POISON)));
  const good = await createWorkflow(
    request,
    ada,
    chain(calls("a", "/slow/300/a"), calls("b", "/slow/300/b")),
  );
  const goods: Promise<string>[] = [];
  for (let n = 0; n < GOOD / 2; n++) goods.push(submit(request, ada, good));
  await Promise.all(goods);
  const id = await submit(request, ada, poison);
  for (let n = 0; n < GOOD / 2; n++) goods.push(submit(request, ada, good));
  await Promise.all(goods);

  const hasFailed = async () =>
    (await request<ExecutionView>("GET", `/api/executions/${id}`, { token: ada.token })).body.status ===
    "failed";
  let deaths = 0;
  for (let worker = await platform.start("worker"); !(await hasFailed()); await delay(50)) {
    if (sink.count(POISON) === deaths) continue;
    await worker.kill("SIGKILL");
    deaths++;
    // As the supervisor of `npm start` does: its executions are taken back at once, and another worker starts.
    await expireLeases({ databaseUrl: database.databaseUrl, workerId: worker.id });
    worker = await platform.start("worker");
  }
  const failed = await untilEnded(request, ada, id);
  assert.equal(failed.error?.code, "worker_lost");
  assert.equal(deaths, MAX_CRASHES);
  for (const one of goods) assert.equal((await untilEnded(request, ada, await one)).status, "succeeded");
});
