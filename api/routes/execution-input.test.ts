// Numbers, times, cursors and ids at and behind the edges: a 400 or 404, never a 500; and pages of bounded size.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { startTestApi, type TestApi } from "../../test/support/api.ts";
import type { Person } from "../../test/support/client.ts";
import { createTestDatabase, type TestDatabase } from "../../test/support/database.ts";
import { chain, createWorkflow, submit } from "../../test/support/workflows.ts";

let database: TestDatabase;
let api: TestApi;
let admin: pg.Client;
let ada: Person;
let workflow: string;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  admin = new pg.Client({ connectionString: database.adminUrl });
  await admin.connect();
  ada = await api.register();
  workflow = await createWorkflow(api.request, ada, chain());
});
after(async () => {
  await api?.close();
  await admin?.end();
  await database?.drop();
});

type Step = { nodeId: string; output: unknown };
type Page = { code: string; items: Step[]; nextCursor: string | null };
const get = (path: string) => api.request<Page>("GET", path, { token: ada.token });
const post = (path: string, body?: unknown) =>
  api.request("POST", path, body === undefined ? { token: ada.token } : { token: ada.token, body });
const start = (body: unknown) => post(`/api/workflows/${workflow}/executions`, body);
const cursorOf = (...key: string[]) => Buffer.from(JSON.stringify(key)).toString("base64url");

test("a version no integer column holds is refused", async () => {
  for (const version of [2_147_483_648, 4_294_967_297, 9_007_199_254_740_991, 0, -1, 1.5]) {
    assert.equal((await start({ version })).body.code, "invalid_request", String(version));
    const batch = await post(`/api/workflows/${workflow}/executions/batch`, { inputs: [1], version });
    assert.equal(batch.body.code, "invalid_request", String(version));
  }
  assert.equal((await start({ version: 2_147_483_647 })).status, 404);
});

test("a cursor of steps that no page gave is refused", async () => {
  const id = await submit(api.request, ada, workflow);
  for (const key of ["9999999999", "-1", "1.5", "1e3", " 1", "x", "", "NaN"]) {
    const reply = await get(`/api/executions/${id}/steps?cursor=${cursorOf(key)}`);
    assert.deepEqual([reply.status, reply.body.code], [400, "invalid_request"], key);
  }
});

test("times of any offset are understood, other centuries are refused", async () => {
  for (const name of ["from", "to"]) {
    const list = (time: string) => get(`/api/executions?${name}=${encodeURIComponent(time)}`);
    for (const time of ["2020-01-01T00:00:00-23:59", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]) {
      assert.equal((await list(time)).status, 200, time);
    }
    for (const time of ["0000-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-01:00"]) {
      assert.equal((await list(time)).body.code, "invalid_request", time);
    }
  }
  assert.equal((await start({ runAt: "2100-01-01T00:00:00-23:59" })).status, 202);
  assert.equal((await start({ runAt: "0000-01-01T00:00:00Z" })).body.code, "invalid_request");
});

test("the id floor of a time before 1970 is the smallest id", async () => {
  const { rows } = await admin.query(
    "select uuid_floor('1900-01-01') past, uuid_floor('1970-01-01 00:00:01Z') at",
  );
  assert.deepEqual(rows[0], {
    past: "00000000-0000-0000-0000-000000000000",
    at: "00000000-03e8-0000-0000-000000000000",
  });
});

test("pages of steps end at about 4 MB, also when the payloads compress well, and none is lost", async () => {
  const id = await submit(api.request, ada, workflow);
  await admin.query(
    `insert into execution_steps (execution_id, workspace_id, node_id, node_type, status, seq, fence, output, started_at)
     select $1, workspace_id, 'n' || n, 'data.transform', 'succeeded', n, 1,
       to_jsonb(repeat('x', case n when 13 then 6000000 else 1000000 end)), now()
     from workflow_executions, generate_series(1, 14) n where id = $1`,
    [id],
  );
  const pages: string[][] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? "" : `&cursor=${cursor}`;
    const { body } = await get(`/api/executions/${id}/steps?limit=200${from}`);
    pages.push(body.items.map((step) => step.nodeId));
    cursor = body.nextCursor;
  } while (cursor !== null && pages.length < 20);
  assert.deepEqual(pages, [
    ["n1", "n2", "n3", "n4"],
    ["n5", "n6", "n7", "n8"],
    ["n9", "n10", "n11", "n12"],
    ["n13"],
    ["n14"],
  ]);
  const small = await get(`/api/executions/${id}/steps?limit=3`);
  assert.equal(small.body.items.length, 3);
  assert.deepEqual((await get(`/api/executions/${id}/steps?cursor=${cursorOf("14")}`)).body, {
    items: [],
    nextCursor: null,
  });
});

test("a run of an archived workflow is not retried", async () => {
  const archived = await createWorkflow(api.request, ada, chain());
  const id = await submit(api.request, ada, archived);
  await post(`/api/executions/${id}/cancel`);
  assert.equal((await post(`/api/executions/${id}/retry`)).status, 202);
  await api.request("DELETE", `/api/workflows/${archived}`, { token: ada.token });
  const reply = await post(`/api/executions/${id}/retry`);
  assert.deepEqual([reply.status, reply.body.code], [404, "not_found"]);
});

test("a graph that cites a file of somebody else is no graph of ours", async () => {
  const eve = await api.register();
  const upload = await api.request<{ id: string }>("POST", "/api/files", {
    token: ada.token,
    body: "of ada",
    headers: { "content-type": "text/plain" },
  });
  const graph = chain({ id: "read", type: "data.transform", config: { value: { $file: upload.body.id } } });
  const save = (person: Person) =>
    api.request("POST", "/api/workflows", { token: person.token, body: { name: "cites", graph } });
  assert.equal((await save(ada)).status, 201);
  const foreign = await save(eve);
  assert.deepEqual([foreign.status, foreign.body.code], [404, "not_found"]);
});

test("the document names the headers that calls read", async () => {
  const { paths } = (
    await api.request<{ paths: Record<string, Record<string, { parameters: Row[] }>> }>(
      "GET",
      "/openapi.json",
    )
  ).body;
  type Row = { in: string; name: string };
  const headersOf = (path: string, method: string) =>
    paths[path]?.[method]?.parameters.filter((row) => row.in === "header").map((row) => row.name);
  const submission = "/api/workflows/{id}/executions";
  assert.deepEqual(headersOf(submission, "post"), ["Idempotency-Key", "Prefer"]);
  assert.deepEqual(headersOf(`${submission}/batch`, "post"), ["Idempotency-Key"]);
  assert.deepEqual(headersOf("/auth/register", "post"), ["X-Setup-Token"]);
  assert.deepEqual(headersOf("/api/executions/{id}/events", "get"), ["Last-Event-ID"]);
});

test("an output goes with the decision to skip only, and a fork names its node", async () => {
  const id = await submit(api.request, ada, await createWorkflow(api.request, ada, chain()));
  const decide = (body: object) => post(`/api/executions/${id}/steps/decide`, { nodeId: "start", ...body });
  for (const decision of ["retry", "fail"]) {
    const reply = await decide({ decision, output: 1 });
    assert.deepEqual([reply.status, JSON.stringify(reply.body.errors).includes('"output"')], [400, true]);
  }
  for (const decision of ["retry", "fail", "skip"]) {
    const reply = await decide({ decision });
    assert.deepEqual([reply.status, reply.body.code], [409, "conflict"]);
  }
  assert.equal((await post(`/api/executions/${id}/fork`, {})).status, 400);
  await post(`/api/executions/${id}/cancel`);
  const refused = await post(`/api/executions/${id}/fork`, { fromNode: "gone" });
  assert.deepEqual([refused.status, refused.body.code], [422, "invalid_fork"]);
  assert.match(JSON.stringify(refused.body.errors), /"path":"fromNode"/);
  const made = await post(`/api/executions/${id}/fork`, { fromNode: "start" });
  assert.deepEqual([made.status, made.headers.get("location")], [202, `/api/executions/${made.body.id}`]);
});
