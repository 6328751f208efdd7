// Truthful liveness over HTTP: who beats, and an execution whose worker was killed says so before it is taken back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createClient, type Person, type Request, registerPerson } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { type HttpSink, startHttpSink } from "../../test/support/http-sink.ts";
import { createPlatform, type Platform } from "../../test/support/platform.ts";

type Worker = { id: string; pid: number; state: string; running: number; concurrency: number };

let database: TestDatabase;
let platform: Platform;
let sink: HttpSink;
let request: Request;
let admin: Person;

before(async () => {
  database = await createTestDatabase();
  sink = await startHttpSink();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, ALLOW_PRIVATE_EGRESS: sink.address });
  await platform.start("api");
  request = createClient(platform.url);
  admin = await registerPerson(request);
});
after(async () => {
  await platform?.close();
  await sink?.close();
  await database?.drop();
});

const list = async () =>
  (await request<{ items: Worker[] }>("GET", "/api/admin/workers", { token: admin.token })).body.items;

test("a worker is alive, then silent when it was killed, and its execution says that it is being recovered", {
  timeout: 60_000,
}, async () => {
  const worker = await platform.start("worker", { WORKER_CONCURRENCY: "7" });
  const graph = {
    nodes: [
      { id: "start", type: "trigger.manual" },
      {
        id: "call",
        type: "http.request",
        data: { config: { method: "POST", url: `${sink.url}/slow/60000/x` } },
      },
    ],
    edges: [{ source: "start", target: "call" }],
  };
  const { token } = admin;
  const workflow = await request("POST", "/api/workflows", { token, body: { name: "slow", graph } });
  const { id } = (
    await request<{ id: string }>("POST", `/api/workflows/${workflow.body.id}/executions`, {
      token,
      body: {},
    })
  ).body;
  await sink.arrival("/slow/60000/x");
  const read = async () => (await request("GET", `/api/executions/${id}`, { token })).body;
  assert.equal((await read()).status, "running");
  assert.ok(!("recovering" in (await read())));
  const [seen] = await list();
  assert.deepEqual(
    [seen?.id, seen?.pid, seen?.state, seen?.concurrency],
    [worker.id, worker.pid, "alive", 7],
  );
  // The next beat, within 2 s, says what it runs.
  while ((await list())[0]?.running !== 1) await delay(100);

  await worker.kill();
  const diedAt = performance.now();
  // No scheduler is there to take it back: it stays lost, and has to say so.
  while (!(await read()).recovering) {
    assert.ok(performance.now() - diedAt < 10_000, "it must be seen within 10 s");
    await delay(100);
  }
  assert.equal((await read()).status, "running");
  while ((await list())[0]?.state !== "silent") {
    assert.ok(performance.now() - diedAt < 12_000, JSON.stringify(await list()));
    await delay(100);
  }
  await platform.start("scheduler");
  while ((await read()).status === "running") await delay(100);
  assert.deepEqual([(await read()).status, (await read()).recovering], ["queued", true]);
  const next = await platform.start("worker");
  while ((await read()).status === "queued") await delay(100);
  assert.ok(!("recovering" in (await read())), "another worker has it");
  assert.equal(await next.kill("SIGTERM"), 0);
  assert.deepEqual(
    (await list()).map(({ state }) => state),
    ["stopped", "silent"],
  );
});

test("only administrators see workers", async () => {
  const other = await registerPerson(request);
  const refused = await request("GET", "/api/admin/workers", { token: other.token });
  assert.equal(refused.status, 403);
});
