// Every body of the OpenAPI document refuses what the server alone decides, by name, before anything is looked up.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestApi, type TestApi } from "../support/api.ts";
import type { Person } from "../support/client.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { asAdmin } from "../support/query.ts";

let database: TestDatabase;
let api: TestApi;
let admin: Person;

before(async () => {
  database = await createTestDatabase();
  api = await startTestApi(database.databaseUrl);
  admin = await api.register();
});
after(async () => {
  await api?.close();
  await database?.drop();
});

const SERVER_SET = [
  "id",
  "ownerId",
  "owner_id",
  "userId",
  "user_id",
  "workspaceId",
  "workspace_id",
  "createdBy",
  "createdAt",
  "updatedAt",
  "version",
  "state",
  "status",
  "role",
  "isAdmin",
  "isPublic",
  "personal",
  "passwordHash",
  "keyId",
  "contentHash",
  "legacyId",
  "fence",
  "leaseOwner",
  "definition",
  "nodes",
  "edges",
  "code",
  "constructor",
];

type Schema = {
  type?: string;
  properties?: Record<string, unknown>;
  additionalProperties?: unknown;
  anyOf?: Schema[];
};
type Document = {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, { schema: Schema }> } }>>;
};
type Problem = { code: string; errors?: Array<{ path: string; message: string }> };

const ID = "00000000-0000-7000-8000-000000000000";

test("A04, A23, A24: no body takes an id, an owner, a role or a state that is not in its schema", async (t) => {
  const { body: document } = await api.request<Document>("GET", "/openapi.json");
  let cells = 0;
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      const schema = requestBody?.content["application/json"]?.schema;
      if (!schema) continue;
      const label = `${method} ${path}`;
      assert.equal(schema.additionalProperties, false, `${label}: the body is open`);
      const extras = SERVER_SET.filter((name) => !Object.hasOwn(schema.properties ?? {}, name));
      const body = Object.fromEntries(extras.map((name) => [name, ID]));
      const reply = await api.request<Problem>(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, ID), {
        token: admin.token,
        body,
      });
      assert.deepEqual([reply.status, reply.body.code], [400, "invalid_request"], `${label}: ${reply.text}`);
      const named = reply.body.errors?.map((error) => error.path) ?? [];
      for (const name of extras)
        assert.ok(named.includes(name), `${label} did not name ${name}: ${reply.text}`);
      cells += extras.length;
    }
  }
  assert.ok(cells > 300, `${cells} fields were refused`);
  t.diagnostic(`${cells} fields of ${Object.keys(document.paths).length} paths refused`);
});

test("A23: an id of one's own choosing makes nothing and overwrites nothing", async () => {
  const graph = {
    nodes: [{ id: "s", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} }],
    edges: [],
  };
  const { token } = admin;
  const made = await api.request<{ id: string }>("POST", "/api/workflows", {
    token,
    body: { name: "mine", graph },
  });
  const stranger = await api.register();
  const upsert = { id: made.body.id, name: "theirs", graph };
  const reply = await api.request("POST", "/api/workflows", { token: stranger.token, body: upsert });
  assert.equal(reply.status, 400);
  const rows = await asAdmin(database, "select name, owner_id from workflows where id = $1", [made.body.id]);
  assert.deepEqual(rows, [{ name: "mine", owner_id: admin.userId }]);
});

test("A25: a published version answers every write with 405 and keeps its bytes", async () => {
  const graph = {
    nodes: [{ id: "s", type: "trigger.manual", position: { x: 0, y: 0 }, data: {} }],
    edges: [],
  };
  const { token } = admin;
  const { body } = await api.request<{ id: string }>("POST", "/api/workflows", {
    token,
    body: { name: "w", graph },
  });
  const bytes = () =>
    asAdmin(
      database,
      "select content_hash, graph::text, note, created_at from workflow_versions where workflow_id = $1",
      [body.id],
    );
  const before = await bytes();
  const path = `/api/workflows/${body.id}/versions/1`;
  for (const method of ["PUT", "PATCH", "DELETE", "POST"]) {
    const reply = await api.request(method, path, {
      token,
      body: { graph: { nodes: [], edges: [] }, note: "changed" },
    });
    assert.equal(reply.status, 405, method);
  }
  assert.deepEqual(await bytes(), before);
  assert.equal(before.length, 1);
});
