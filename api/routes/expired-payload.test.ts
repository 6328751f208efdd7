// An execution whose payload has expired over HTTP: it says so, its steps too, and it is not run again.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createDatabase, type Database } from "#core/persistence/database.ts";
import { expireExecutions } from "#core/services/retention/expire-executions.ts";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { asAdmin } from "../../test/support/query.ts";
import { createWorkflow } from "../../test/support/workflows.ts";

const GRAPH = { nodes: [{ id: "start", type: "trigger.manual", data: { config: {} } }], edges: [] };

let testDatabase: TestDatabase;
let api: TestApi;
let scheduler: Database;
let ada: Person;

before(async () => {
  testDatabase = await createTestDatabase();
  api = await startTestApi(testDatabase.databaseUrl);
  scheduler = createDatabase({ databaseUrl: testDatabase.databaseUrl, role: "atelier_scheduler" });
  ada = await api.register();
});
after(async () => {
  await scheduler?.close();
  await api?.close();
  await testDatabase?.drop();
});

type Body = Record<string, unknown> & { id: string; code: string; items: Record<string, unknown>[] };
const call = (method: string, path: string, body?: unknown) =>
  api.request<Body>(method, path, { token: ada.token, ...(body !== undefined && { body }) });

test("what has lost its payload says since when, and neither retry nor fork starts from it", async () => {
  const workflowId = await createWorkflow(api.request, ada, GRAPH);
  const { body: made } = await call("POST", `/api/workflows/${workflowId}/executions`, {
    input: { a: "secret" },
  });
  assert.equal((await call("POST", `/api/executions/${made.id}/cancel`)).status, 202);
  const fresh = await call("GET", `/api/executions/${made.id}`);
  assert.deepEqual([fresh.body.input, "payloadExpiredAt" in fresh.body], [{ a: "secret" }, false]);

  // Thirty days later, as it were: its days are counted from its id and its end.
  const past = "019a0000-0000-7000-8000-000000000000";
  await asAdmin(testDatabase, "update workspaces set payload_days = 7 where id = $1", [ada.workspaceId]);
  await asAdmin(
    testDatabase,
    `insert into workflow_executions select (e.r).* from (select jsonb_populate_record(x, jsonb_build_object(
       'id', $2::text, 'root_id', $2::text, 'finished_at', '2025-10-21T00:00Z', 'created_at', '2025-10-20T00:00Z')) r
     from workflow_executions x where id = $1) e`,
    [made.id, past],
  );
  await asAdmin(
    testDatabase,
    `insert into execution_steps (execution_id, node_id, workspace_id, node_type, status, seq, fence, input, output)
     values ($1, 'start', $2, 'trigger.manual', 'succeeded', 1, 1, '"secret"', '"secret"')`,
    [past, ada.workspaceId],
  );
  assert.equal((await expireExecutions(scheduler)).payloads, 1);

  const gone = await call("GET", `/api/executions/${past}`);
  assert.equal(gone.status, 200);
  const { status, input, output, finishedAt, error, payloadExpiredAt } = gone.body;
  assert.deepEqual(
    [status, input, output, finishedAt],
    ["cancelled", null, null, "2025-10-21T00:00:00.000Z"],
  );
  assert.equal((error as { code: string }).code, "cancelled");
  assert.ok(Math.abs(Date.parse(payloadExpiredAt as string) - Date.now()) < 60_000);
  const steps = await call("GET", `/api/executions/${past}/steps`);
  const [step] = steps.body.items;
  assert.deepEqual(
    [step?.status, step?.input, step?.output, step?.payloadExpiredAt],
    ["succeeded", null, null, payloadExpiredAt],
  );
  for (const [path, body] of [
    ["retry", undefined],
    ["fork", { fromNode: "start" }],
    ["fork", { fromNode: "start", input: 1 }],
  ] as const) {
    const refused = await call("POST", `/api/executions/${past}/${path}`, body);
    assert.deepEqual([refused.status, refused.body.code], [409, "payload_expired"], path);
  }
  const rest = await asAdmin(
    testDatabase,
    "select id from workflow_executions where retry_of = $1 or fork_of = $1",
    [past],
  );
  assert.deepEqual(rest, []);
  assert.equal((await call("POST", `/api/executions/${made.id}/retry`)).status, 202, "the young one may be");
});
