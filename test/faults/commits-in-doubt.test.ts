// Writes of sql.query whose commit is slow, swallowed, cut or outlived by its worker: counted in the table they go to.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createClient, type Person, type Request, registerPerson } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { createPlatform, type Platform } from "../support/platform.ts";
import { asAdmin } from "../support/query.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { chain, createWorkflow, listSteps, submit, untilEnded } from "../support/workflows.ts";

const RETRY = { maxAttempts: 3, backoffMs: 10, maxBackoffMs: 20 };

let database: TestDatabase;
let line: TcpProxy;
let platform: Platform;
let request: Request;
let ada: Person;
let credential: string;

before(async () => {
  database = await createTestDatabase();
  line = await startTcpProxy(database.databaseUrl);
  platform = await createPlatform({
    NODE_ENV: "test",
    DATABASE_URL: database.databaseUrl,
    ALLOW_PRIVATE_EGRESS: `127.0.0.1:${line.port}`,
  });
  await Promise.all([platform.start("api"), platform.start("scheduler"), platform.start("worker")]);
  request = createClient(platform.url);
  ada = await registerPerson(request);
  const made = await request<{ id: string }>("POST", "/api/credentials", {
    token: ada.token,
    body: { name: "books", type: "postgres", data: { url: line.through(database.databaseUrl) } },
  });
  assert.equal(made.status, 201, made.text);
  credential = made.body.id;
  await asAdmin(database, "create table ledger (what text not null, seconds float8 not null)");
  await asAdmin(
    database,
    `create function linger() returns trigger language plpgsql as
     $$ begin perform pg_sleep(new.seconds); return null; end $$`,
  );
  await asAdmin(
    database,
    `create constraint trigger late after insert on ledger deferrable initially deferred
     for each row execute function linger()`,
  );
  await asAdmin(database, "grant all on ledger to atelier");
});
after(async () => {
  await platform?.close();
  await line?.close();
  await database?.drop();
});

const get = (id: string) =>
  request<{ status: string; pendingDecisions: unknown[] }>("GET", `/api/executions/${id}`, {
    token: ada.token,
  });
const post = async (path: string, body?: unknown) => {
  const reply = await request<{ id: string }>("POST", path, { token: ada.token, body });
  assert.equal(reply.status, 202, reply.text);
  return reply.body.id;
};
const booked = async (what: string) =>
  (await asAdmin(database, "select from ledger where what = $1", [what])).length;

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await look()); ) {
    assert.ok(Date.now() < deadline, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const untilAsked = (id: string) =>
  until(`${id} asks`, async () => {
    const { body } = await get(id);
    return body.status === "waiting" && body.pendingDecisions.length === 1;
  });
const untilActive = (query: string) =>
  until(query, async () => {
    const text =
      "select from pg_stat_activity where state = 'active' and wait_event = 'PgSleep' and query like $1";
    return (await asAdmin(database, text, [query])).length > 0;
  });

/** Books once what its commit then takes so many seconds for, and goes on. */
async function book(what: string, seconds: number, data: object = {}, query?: string): Promise<string> {
  const config = {
    query: query ?? "insert into ledger values ($1, $2)",
    params: [what, seconds],
    mode: "write",
  };
  const sql = { credentials: { postgres: credential }, retry: RETRY, onError: "continue", ...data };
  const node = { id: "book", type: "sql.query", config, data: sql };
  const last = { id: "after", type: "data.transform", config: { value: "{{ nodes.book }}" } };
  return submit(request, ada, await createWorkflow(request, ada, chain(node, last)));
}
const attempts = async (id: string) =>
  (await listSteps(request, ada, id)).filter((step) => step.nodeId === "book").map((step) => step.status);

test("F44 a commit that outlasts the node's time by a little is waited for: booked once, and said so", async () => {
  const id = await book("slow", 2.5, { timeoutMs: 2_000 });
  assert.deepEqual((await untilEnded(request, ada, id)).output, { rows: [], rowCount: 1 });
  assert.deepEqual([await attempts(id), await booked("slow")], [["succeeded"], 1]);
});

test("F44 a commit whose answer is swallowed is parked, past retry and onError, and booked once", async () => {
  const id = await book("swallowed", 2, { timeoutMs: 3_000 });
  await untilActive("commit");
  line.set({ kind: "drop" });
  await untilAsked(id);
  line.reset();
  line.set({ kind: "pass" });
  assert.deepEqual([await attempts(id), await booked("swallowed")], [["unknown"], 1]);
  await post(`/api/executions/${id}/steps/decide`, {
    nodeId: "book",
    decision: "skip",
    output: "it is there",
  });
  assert.equal((await untilEnded(request, ada, id)).output, "it is there");
  assert.equal(await booked("swallowed"), 1);
});

test("F45 a run that is cancelled while it commits leaves the step unknown; its retry asks and books nothing", async () => {
  const id = await book("cancelled", 2);
  await untilActive("commit");
  line.set({ kind: "drop" });
  await post(`/api/executions/${id}/cancel`);
  assert.equal((await untilEnded(request, ada, id)).status, "cancelled");
  line.reset();
  line.set({ kind: "pass" });
  assert.deepEqual(await attempts(id), ["unknown"]);
  const again = await post(`/api/executions/${id}/retry`);
  await untilAsked(again);
  await until("the commit landed", async () => (await booked("cancelled")) === 1);
  await post(`/api/executions/${again}/steps/decide`, { nodeId: "book", decision: "skip" });
  await untilEnded(request, ada, again);
  assert.equal(await booked("cancelled"), 1);
});

test("F13 a line that is cut before the commit is an ordinary failure: nothing was booked, and it is tried again", async () => {
  const slowly = "insert into ledger select $1, $2::float8 from pg_sleep(1)";
  const id = await book("cut", 0, {}, slowly);
  await untilActive("insert into ledger select%");
  line.reset();
  assert.equal((await untilEnded(request, ada, id)).status, "succeeded");
  assert.deepEqual([await attempts(id), await booked("cut")], [["failed", "succeeded"], 1]);
});

test("F01 a worker killed right before or right after a commit of sql.query parks the step, booked as often as it was", async () => {
  for (const process of platform.processes()) if (process.role === "worker") await process.kill("SIGKILL");
  const killedAt = async (point: string) => {
    const doomed = await platform.start("worker", { CRASH_AT: `worker.${point}_sql_commit:1` });
    const id = await book(point, 0);
    await doomed.ended;
    return id;
  };
  const [before, after] = [await killedAt("before"), await killedAt("after")];
  await platform.start("worker");
  for (const id of [before, after]) {
    await untilAsked(id);
    assert.deepEqual(await attempts(id), ["unknown"]);
  }
  assert.deepEqual([await booked("before"), await booked("after")], [0, 1]);
  await post(`/api/executions/${before}/steps/decide`, { nodeId: "book", decision: "retry" });
  await untilEnded(request, ada, before);
  assert.equal(await booked("before"), 1);
});
