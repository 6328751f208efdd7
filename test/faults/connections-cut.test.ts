// F11: PostgreSQL ends every connection, again and again, under load. Nobody crashes, and every run ends.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { type HttpSink, startHttpSink } from "../support/http-sink.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import { chain, createWorkflow, untilEnded } from "../support/workflows.ts";

const RUNS = 60;
const CUTS = 8;

let database: TestDatabase;
let platform: Platform;
let sink: HttpSink;
let request: Request;
let ada: Person;

before(async () => {
  database = await createTestDatabase();
  sink = await startHttpSink();
  platform = await createPlatform({ DATABASE_URL: database.databaseUrl, ALLOW_PRIVATE_EGRESS: sink.address });
  await Promise.all([platform.start("api"), platform.start("worker"), platform.start("scheduler")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
});

after(async () => {
  await platform?.close();
  await sink?.close();
  await database?.drop();
});

/** Sent again under its key until it is accepted: 503 is the only other answer there may be. */
async function submitStubbornly(workflow: string, n: number): Promise<string> {
  const path = `/api/workflows/${workflow}/executions`;
  for (;;) {
    const options = { token: ada.token, body: { input: { n } }, headers: { "idempotency-key": `run-${n}` } };
    const reply = await request<{ id: string }>("POST", path, options);
    if (reply.status === 202) return reply.body.id;
    assert.equal(reply.status, 503, reply.text);
    await delay(50);
  }
}

test("F11 every connection cut 8 times under load: no crash, every run succeeds, no effect under two keys", async () => {
  const graph = chain(
    {
      id: "first",
      type: "http.request",
      config: { url: `{{ '${sink.url}/slow/30/first/' & $string(input.n) }}` },
    },
    { id: "second", type: "http.request", config: { url: `{{ '${sink.url}/second/' & $string(input.n) }}` } },
  );
  const workflow = await createWorkflow(request, ada, graph);
  const submitted = Array.from({ length: RUNS }, async (_, n) => {
    await delay(n * 20);
    return submitStubbornly(workflow, n);
  });
  for (let cut = 0; cut < CUTS; cut++) {
    await delay(200);
    await asAdmin(
      database,
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
  }
  const ids = await Promise.all(submitted);
  assert.equal(new Set(ids).size, RUNS);
  for (const id of ids) {
    const ended = await untilEnded(request, ada, id);
    assert.equal(ended.status, "succeeded", JSON.stringify(ended.error));
  }
  for (const { role, pid } of platform.processes()) {
    assert.doesNotThrow(() => process.kill(pid, 0), `${role} is still the same process`);
  }
  const keysByPath = new Map<string, Set<string>>();
  for (const { path, key } of sink.requests) {
    keysByPath.set(path, (keysByPath.get(path) ?? new Set()).add(key));
  }
  assert.equal(keysByPath.size, RUNS * 2);
  for (const [path, keys] of keysByPath) assert.equal(keys.size, 1, path);
});
