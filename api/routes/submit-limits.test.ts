// Limits over HTTP: a full queue answers 429 with Retry-After, and an owner says how much of a workspace runs at once.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { chain, createWorkflow } from "../../test/support/workflows.ts";

let database: TestDatabase;
let api: TestApi;
let ada: Person;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl, { environment: { MAX_QUEUED: "3" } });
  ada = await api.register();
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const call = <Body = Record<string, unknown>>(person: Person, method: string, path: string, body?: unknown) =>
  api.request<Body>(method, path, { token: person.token, body });

test("a submission to a full queue answers 429 queue_full with Retry-After, alone and in a batch", async () => {
  const workflow = await createWorkflow(api.request, ada, chain());
  const path = `/api/workflows/${workflow}/executions`;
  const tooMany = await call(ada, "POST", `${path}/batch`, { inputs: [1, 2, 3, 4] });
  assert.deepEqual([tooMany.status, tooMany.body.code], [429, "queue_full"]);
  for (let n = 0; n < 3; n++) assert.equal((await call(ada, "POST", path, {})).status, 202);
  const full = await call(ada, "POST", path, {});
  assert.deepEqual([full.status, full.body.code], [429, "queue_full"]);
  assert.match(full.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  const bob = await api.register();
  const other = await createWorkflow(api.request, bob, chain());
  assert.equal((await call(bob, "POST", `/api/workflows/${other}/executions`, {})).status, 202);
});

test("a retry, a fork and a test of a credential are submissions: refused by a full queue, and nothing of them is left", async () => {
  const dora = await api.register();
  const workflow = await createWorkflow(api.request, dora, chain());
  const submit = () => call<{ id: string }>(dora, "POST", `/api/workflows/${workflow}/executions`, {});
  const { id } = (await submit()).body;
  assert.equal((await call(dora, "POST", `/api/executions/${id}/cancel`)).status, 202);
  const credential = await call<{ id: string }>(dora, "POST", "/api/credentials", {
    ...{ name: "c", type: "http.bearer", data: { token: "secret" }, allowedHosts: ["example.com"] },
  });
  assert.equal(credential.status, 201);
  const starts: [string, unknown?][] = [
    [`/api/executions/${id}/retry`],
    [`/api/executions/${id}/fork`, { fromNode: "start" }],
    [`/api/credentials/${credential.body.id}/test`],
  ];
  const start = (path: string, body: unknown) =>
    api.request("POST", path, { token: dora.token, body, headers: { prefer: "wait=0" } });
  for (const [path, body] of starts) assert.equal((await start(path, body)).status, 202, path);
  for (const [path, body] of starts) {
    const full = await start(path, body);
    assert.deepEqual([full.status, full.body.code], [429, "queue_full"], path);
    assert.match(full.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  }
  const rows = await asAdmin<{ queued: number; entries: number }>(
    database,
    `select (select count(*)::int from workflow_executions where workspace_id = $1 and status = 'queued') queued,
      (select count(*)::int from audit_logs where chain_id = $1
        and action in ('execution.retried', 'execution.forked', 'credential.tested')) entries`,
    [dora.workspaceId],
  );
  assert.deepEqual(rows, [{ queued: 3, entries: 3 }]);
});

test("an owner says how many may be queued, up to the instance's number; an administrator of the instance beyond it", async () => {
  const eve = await api.register();
  const path = `/api/workspaces/${eve.workspaceId}`;
  const workflow = await createWorkflow(api.request, eve, chain());
  assert.equal((await call(eve, "GET", path)).body.maxQueued, null);
  for (const maxQueued of [1, 1]) {
    const changed = await call(eve, "PATCH", path, { maxQueued });
    assert.deepEqual([changed.status, changed.body.maxQueued], [200, maxQueued]);
  }
  await call(eve, "PATCH", path, { name: "other" });
  const submit = () => call(eve, "POST", `/api/workflows/${workflow}/executions`, {});
  assert.equal((await submit()).status, 202);
  assert.deepEqual([(await submit()).status, (await submit()).body.code], [429, "queue_full"]);
  for (const maxQueued of [0, 1_000_001, 1.5, "5"])
    assert.equal((await call(eve, "PATCH", path, { maxQueued })).status, 400);
  const beyond = await call(eve, "PATCH", path, { maxQueued: 4 });
  assert.deepEqual([beyond.status, beyond.body.code], [403, "forbidden"]);
  const admins = await call(ada, "PATCH", `/api/workspaces/${ada.workspaceId}`, { maxQueued: 4 });
  assert.deepEqual([admins.status, admins.body.maxQueued], [200, 4]);
  assert.equal((await call(eve, "PATCH", path, { maxQueued: null })).body.maxQueued, null);
  const entries = await asAdmin<{ details: unknown }>(
    database,
    "select details from audit_logs where chain_id = $1 and action = 'workspace.max_queued_changed' order by seq",
    [eve.workspaceId],
  );
  assert.deepEqual(
    entries.map(({ details }) => details),
    [{ maxQueued: 1 }, { maxQueued: null }],
  );
});

test("an owner limits what runs at once and takes the limit away; each change is in the audit log", async () => {
  const path = `/api/workspaces/${ada.workspaceId}`;
  const limitOf = async () => (await call(ada, "GET", path)).body.maxConcurrency;
  assert.equal(await limitOf(), null);
  for (const maxConcurrency of [5, 5, null]) {
    const changed = await call(ada, "PATCH", path, { maxConcurrency });
    assert.deepEqual([changed.status, changed.body.maxConcurrency], [200, maxConcurrency]);
  }
  await call(ada, "PATCH", path, { name: "other" });
  assert.equal(await limitOf(), null);
  for (const maxConcurrency of [0, 10_001, 1.5, "5"])
    assert.equal((await call(ada, "PATCH", path, { maxConcurrency })).status, 400);
  const entries = await asAdmin<{ details: unknown }>(
    database,
    "select details from audit_logs where chain_id = $1 and action = 'workspace.max_concurrency_changed' order by seq",
    [ada.workspaceId],
  );
  assert.deepEqual(
    entries.map(({ details }) => details),
    [{ maxConcurrency: 5 }, { maxConcurrency: null }],
  );
});

test("the concurrency of a version's settings is its executions', also when they are tried again", async () => {
  const carl = await api.register();
  const graph = { ...chain(), settings: { concurrency: 7 } };
  const workflow = await createWorkflow(api.request, carl, graph);
  const { body } = await call<{ id: string }>(carl, "POST", `/api/workflows/${workflow}/executions`, {});
  const limits = () =>
    asAdmin<{ concurrency: number }>(
      database,
      "select concurrency from workflow_executions where workflow_id = $1",
      [workflow],
    );
  assert.equal((await call(carl, "POST", `/api/executions/${body.id}/cancel`)).status, 202);
  assert.equal((await call(carl, "POST", `/api/executions/${body.id}/retry`)).status, 202);
  assert.deepEqual(await limits(), [{ concurrency: 7 }, { concurrency: 7 }]);
});
