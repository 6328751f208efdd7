// A10–A17 for executions: another user's do not exist, whatever one tries.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";
import { chain, createWorkflow, submit } from "../support/workflows.ts";

let database: TestDatabase;
let api: TestApi;
let ada: Person;
let eve: Person;
let workflow: string;
let execution: string;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  ada = await api.register();
  eve = await api.register();
  workflow = await createWorkflow(
    api.request,
    ada,
    chain({ id: "echo", type: "data.transform", config: { value: 1 } }),
  );
  execution = await submit(api.request, ada, workflow, { input: { secret: "of ada" } });
});

after(async () => {
  await api?.close();
  await database?.drop();
});

const calls: [
  method: string,
  path: (ids: { execution: string; workflow: string }) => string,
  body?: unknown,
][] = [
  ["GET", ({ execution }) => `/api/executions/${execution}`],
  ["GET", ({ execution }) => `/api/executions/${execution}/steps`],
  ["GET", ({ execution }) => `/api/executions/${execution}/events`],
  ["POST", ({ execution }) => `/api/executions/${execution}/cancel`],
  ["POST", ({ execution }) => `/api/executions/${execution}/retry`],
  ["POST", ({ workflow }) => `/api/workflows/${workflow}/executions`, { input: {} }],
  ["POST", ({ workflow }) => `/api/workflows/${workflow}/executions/batch`, { inputs: [{}, {}] }],
];

for (const [method, pathOf, body] of calls) {
  test(`A11 ${method} ${pathOf({ execution: ":id", workflow: ":id" })} of another user answers as for a random id`, async () => {
    const options = { token: eve.token, body };
    const foreign = await api.request(method, pathOf({ execution, workflow }), options);
    const none = await api.request(
      method,
      pathOf({ execution: randomUUID(), workflow: randomUUID() }),
      options,
    );
    assert.equal(foreign.status, 404, foreign.text);
    assert.deepEqual({ ...foreign.body, requestId: "" }, { ...none.body, requestId: "" });
    assert.doesNotMatch(foreign.text, /of ada/);
  });
}

test("A11 a list shows none of another user's, also when it is filtered by their workflow", async () => {
  for (const query of ["", `?workflowId=${workflow}`, "?status=queued", "?from=2000-01-01T00:00:00Z"]) {
    const reply = await api.request<{ items: unknown[] }>("GET", `/api/executions${query}`, {
      token: eve.token,
    });
    assert.deepEqual(reply.body.items, [], query);
    const own = await api.request<{ items: unknown[] }>("GET", `/api/executions${query}`, {
      token: ada.token,
    });
    assert.equal(own.body.items.length, 1, query);
  }
});

test("A11 nothing of it changed the execution, and no execution was made", async () => {
  const rows = await asAdmin<{ id: string; status: string; cancel_requested_at: unknown }>(
    database,
    "select id, status, cancel_requested_at from workflow_executions",
  );
  assert.deepEqual(rows, [{ id: execution, status: "queued", cancel_requested_at: null }]);
});

test("A22 a viewer reads but neither runs, cancels nor retries", async () => {
  const viewer = await api.register();
  await asAdmin(
    database,
    "insert into workspace_members (workspace_id, user_id, role) values ($1, $2, 'viewer')",
    [ada.workspaceId, viewer.userId],
  );
  for (const [method, pathOf, body] of calls) {
    if (pathOf({ execution, workflow }).endsWith("/events")) continue;
    const reply = await api.request(method, pathOf({ execution, workflow }), { token: viewer.token, body });
    assert.equal(reply.status, method === "GET" ? 200 : 403, `${method} ${pathOf({ execution, workflow })}`);
  }
});

test("A28 a definition in the body of a run is refused", async () => {
  for (const extra of [
    { nodes: [] },
    { graph: {} },
    { definition: {} },
    { workspaceId: eve.workspaceId },
    { status: "succeeded" },
  ]) {
    const reply = await api.request("POST", `/api/workflows/${workflow}/executions`, {
      token: ada.token,
      body: extra,
    });
    assert.equal(reply.status, 400, reply.text);
  }
});

test("bad input to a run answers 4xx problem details and the server keeps serving", async () => {
  const path = `/api/workflows/${workflow}/executions`;
  const file = randomUUID();
  const cases: [string, unknown, Record<string, string>?][] = [
    ["malformed JSON", '{"input":'],
    ["NUL byte", { input: { a: "x\u0000y" } }],
    ["NUL byte in a key", '{"input":{"a\\u0000":1}}'],
    ["lone surrogate", '{"input":"\\ud800"}'],
    ["too deep", `{"input":${"[".repeat(300)}${"]".repeat(300)}}`],
    ["wrong type", { priority: "high" }],
    ["priority out of range", { priority: 11 }],
    ["runAt is no time", { runAt: "tomorrow" }],
    ["version zero", { version: 0 }],
    ["version that does not exist", { version: 99 }],
    ["trigger that does not exist", { trigger: "nowhere" }],
    ["unknown label", { labels: ["secret"] }],
    ["file that does not exist", { input: { doc: { $file: file } } }],
    ["file id that is no id", { input: { doc: { $file: "../../etc/passwd" } } }],
    ["bad key", { input: {} }, { "idempotency-key": "with space" }],
    ["long key", { input: {} }, { "idempotency-key": "k".repeat(201) }],
    ["array body", []],
    ["5 MB body", { input: "x".repeat(5_000_000) }],
  ];
  for (const [name, body, headers] of cases) {
    const reply = await api.request("POST", path, { token: ada.token, body, ...(headers && { headers }) });
    assert.ok(
      reply.status >= 400 && reply.status < 500,
      `${name} answered ${reply.status}: ${reply.text.slice(0, 300)}`,
    );
    assert.match(reply.headers.get("content-type") ?? "", /application\/problem\+json/, name);
    assert.ok(typeof reply.body.code === "string" && typeof reply.body.requestId === "string", name);
  }
  const list = await api.request("GET", "/api/executions", { token: ada.token });
  assert.equal(list.status, 200);
  for (const query of [
    "?limit=0",
    "?limit=201",
    "?limit=x",
    "?status=done",
    "?cursor=zzz",
    "?workflowId=1",
    "?from=x",
    "?unknown=1",
  ]) {
    const reply = await api.request("GET", `/api/executions${query}`, { token: ada.token });
    assert.equal(reply.status, 400, `${query} ${reply.text}`);
  }
  const id = await api.request("GET", "/api/executions/not-a-uuid", { token: ada.token });
  assert.equal(id.status, 404);
});
