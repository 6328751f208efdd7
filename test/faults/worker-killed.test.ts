// F01: a worker killed with -9 inside a node. Another one finishes; what had finished does not run again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import {
  chain,
  createWorkflow,
  type DrawnNode,
  listSteps,
  submit,
  untilEnded,
} from "../support/workflows.ts";

/** What the platform promises: from the death of a worker to the next claim, on the database clock. */
const RECOVERY_MS = 15_000;

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

test("F01 a worker killed inside the sixth of ten nodes: another worker finishes, no finished node runs twice", async (t) => {
  const nodes = Array.from({ length: 10 }, (_, index): DrawnNode => {
    const path = index === 5 ? "/slow/4000/n5" : `/n${index}`;
    return { id: `n${index}`, type: "http.request", config: { method: "POST", url: `${sink.url}${path}` } };
  });
  const workflow = await createWorkflow(request, ada, chain(...nodes));
  const doomed = await platform.start("worker");
  const id = await submit(request, ada, workflow);
  await sink.arrival("/slow/4000/n5");
  await doomed.kill("SIGKILL");
  const [death] = await asAdmin<{ at: Date }>(database, "select clock_timestamp() at");
  await platform.start("worker");

  const ended = await untilEnded(request, ada, id);
  assert.equal(ended.status, "succeeded", JSON.stringify(ended.error));
  for (let index = 0; index < 5; index++) assert.equal(sink.count(`/n${index}`), 1, `n${index} ran once`);
  const inDoubt = sink.requests.filter((received) => received.path === "/slow/4000/n5");
  assert.equal(inDoubt.length, 2, "the node in flight went out again");
  assert.equal(inDoubt[0]?.key, inDoubt[1]?.key, "under the same idempotency key");
  for (let index = 6; index < 10; index++) assert.equal(sink.count(`/n${index}`), 1);

  const [again] = await asAdmin<{ started_at: Date; fence: number }>(
    database,
    "select started_at, fence from execution_steps where execution_id = $1 and node_id = 'n5' and attempt = 2",
    [id],
  );
  const took = Number(again?.started_at) - Number(death?.at);
  t.diagnostic(`recovered ${took} ms after the kill`);
  assert.ok(took < RECOVERY_MS, `recovery took ${took} ms`);
  const attempts = (await listSteps(request, ada, id)).filter((step) => step.nodeId === "n5");
  assert.deepEqual(
    attempts.map((step) => `${step.attempt} ${step.status}`),
    ["1 failed", "2 succeeded"],
  );
});

test("F01 an effect that must not be repeated is parked, not sent again", async () => {
  const graph = chain(
    {
      id: "pay",
      type: "http.request",
      config: { method: "POST", url: `${sink.url}/slow/3000/pay`, repeatable: false },
    },
    { id: "after", type: "http.request", config: { url: `${sink.url}/after-pay` } },
  );
  const workflow = await createWorkflow(request, ada, graph);
  const id = await submit(request, ada, workflow);
  await sink.arrival("/slow/3000/pay");
  for (const process of platform.processes()) if (process.role === "worker") await process.kill("SIGKILL");
  await platform.start("worker");
  await until(async () => {
    const reply = await request("GET", `/api/executions/${id}`, { token: ada.token });
    return reply.body.status === "waiting";
  });
  assert.equal(sink.count("/slow/3000/pay"), 1);
  assert.equal(sink.count("/after-pay"), 0);
  const pay = (await listSteps(request, ada, id)).find((step) => step.nodeId === "pay");
  assert.equal(pay?.status, "unknown");
});

test("F06 a worker stopped past its lease and woken commits nothing: its fence is stale", async () => {
  for (const process of platform.processes()) if (process.role === "worker") await process.kill("SIGKILL");
  const zombie = await platform.start("worker");
  const graph = chain(
    { id: "call", type: "http.request", config: { url: `${sink.url}/slow/2000/zombie` } },
    { id: "next", type: "http.request", config: { url: `${sink.url}/after-zombie` } },
  );
  const id = await submit(request, ada, await createWorkflow(request, ada, graph));
  await sink.arrival("/slow/2000/zombie");
  process.kill(zombie.pid, "SIGSTOP");
  await platform.start("worker");
  const ended = await untilEnded(request, ada, id);
  assert.equal(ended.status, "succeeded");
  const before = await listSteps(request, ada, id);
  process.kill(zombie.pid, "SIGCONT");
  // Woken, the zombie gets its answer and tries to write: its own log says when it has let go.
  await until(async () => zombie.log.join("").includes("lease lost"));
  assert.deepEqual(await listSteps(request, ada, id), before);
  assert.equal(sink.count("/after-zombie"), 1);
});

async function until(condition: () => Promise<boolean>, patienceMs = 60_000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("the condition did not come true");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
