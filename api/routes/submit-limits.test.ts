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
